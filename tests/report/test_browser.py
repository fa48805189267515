"""The page in a real browser: no errors, no network, two widths, keyboard, light and dark, with and without motion."""

import itertools
import shutil

import pytest

from tests.Ensemble.scores import SIX, UCLA, output, write
from tests.Ensemble.scores import made_up as made_up_scores
from tests.helpers import ROOT
from tests.report.made_up import made_up
from tests.runs.folders import leave
from torchlight.report.run import write_run
from torchlight.runs.__main__ import main as runs_main

playwright = pytest.importorskip('playwright.sync_api')
CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason='no Chromium is installed (apt-get install chromium)')

CONTRASTS = (ROOT / 'tests' / 'report' / 'contrasts.js').read_text()


@pytest.fixture(scope='module')
def browser():
    """One browser for all tests."""
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        yield started
        started.close()


@pytest.fixture(scope='module')
def report(tmp_path_factory):
    """The address of a report."""
    path = tmp_path_factory.mktemp('report') / 'report.html'
    write_run(path, made_up())
    return path.as_uri()


@pytest.fixture(scope='module')
def opened(browser, report):
    """opened(width, scheme, motion) → the page, whose `heard` has its errors and what it asked the network for."""
    pages = {}

    def open_page(width=1280, scheme='light', motion='reduce'):
        if (width, scheme, motion) not in pages:
            size = {'width': width, 'height': 800}
            page = browser.new_page(viewport=size, color_scheme=scheme, reduced_motion=motion)
            page.heard = []
            page.on('pageerror', lambda error: page.heard.append(str(error)))
            page.on('console', lambda line: page.heard.append(line.text) if line.type in ('error', 'warning') else None)
            page.on('request', lambda request: page.heard.append(request.url) if request.url != report else None)
            page.goto(report)
            page.wait_for_selector('html[data-charts=drawn]')
            pages[width, scheme, motion] = page
        return pages[width, scheme, motion]

    return open_page


def test_fusions_and_lists_of_runs_fit_a_narrow_screen_too(browser, tmp_path, capsys):
    run = leave(tmp_path / 'runs' / ('long_' * 40), [0] * 6, text='long_' * 40)
    (run / 'run.json').write_text('{')
    leave(tmp_path / 'runs' / 'b', [1] * 6)
    assert runs_main([str(tmp_path / 'runs'), '--html', str(tmp_path / 'runs.html')]) == 0
    flags = [*write(tmp_path, UCLA, made_up_scores(UCLA, 10, SIX)), '--benchmark', 'NW-UCLA']
    output(capsys, *flags, '--report', tmp_path / 'fusion')
    page, heard = browser.new_page(viewport={'width': 400, 'height': 800}), []
    page.on('pageerror', lambda error: heard.append(str(error)))
    page.on('request', lambda request: heard.append(request.url))
    for path in (tmp_path / 'runs.html', tmp_path / 'fusion' / 'report.html'):
        page.goto(path.as_uri())
        page.evaluate('for (const hidden of document.querySelectorAll("details")) hidden.open = true')
        assert page.evaluate('document.documentElement.scrollWidth') <= 400, path
    assert len(heard) == 2  # the two files themselves


@pytest.mark.parametrize('width, scheme', [(1280, 'light'), (400, 'dark')])
def test_no_errors_no_network_and_no_overflow(opened, width, scheme):
    page = opened(width, scheme)
    assert page.heard == []
    page.evaluate('for (const hidden of document.querySelectorAll("details")) hidden.open = true')
    assert page.evaluate('document.documentElement.scrollWidth') <= width
    assert page.locator('table').count() >= 5 and page.locator('.chart canvas').count() >= 3


@pytest.mark.parametrize('width, scheme, bright', [(1280, 'light', True), (400, 'dark', False)])
def test_text_and_lines_stand_out_in_light_and_in_dark(opened, width, scheme, bright):
    found = opened(width, scheme).evaluate(CONTRASTS)
    assert (found.pop('page') > 0.5) is bright
    assert found['text'] >= 4.5 and min(found.values()) >= 3, found


def test_the_page_is_drawn_again_when_the_scheme_changes(opened):
    page = opened(400, 'dark')
    dark = page.evaluate(CONTRASTS)
    page.emulate_media(color_scheme='light')
    page.wait_for_function('document.querySelectorAll(".chart .bk-Figure").length >= 3')
    page.wait_for_function('Bokeh.documents.at(-1).roots()[0].below[0].axis_line_color === "#33383f"')
    light = page.evaluate(CONTRASTS)
    page.emulate_media(color_scheme='dark')
    assert light['page'] > 0.5 > dark['page'] and page.heard == []


def test_every_control_is_reached_by_the_keyboard_and_shows_it(opened):
    page, reached = opened(), set()
    page.evaluate('document.activeElement.blur(); scrollTo(0, 0)')
    for _ in range(120):
        page.keyboard.press('Tab')
        kind, outline = page.evaluate(
            '(() => { const e = document.activeElement; return [e.type || e.localName + "." + e.className, '
            'getComputedStyle(e).outlineStyle] })()'
        )
        reached.add(kind)
        assert outline != 'none' or kind.startswith(('div.bk', 'body')), kind
    assert {'a.skip', 'checkbox', 'div.scroll', 'summary.', 'button', 'range', 'pre.scroll'} <= reached


def test_lines_are_hidden_by_the_keyboard(opened):
    page = opened()
    page.focus('#series input[value="training loss"]')
    visible = (
        '() => Bokeh.documents[0].roots()[0].renderers.filter((r) => r.name === "training loss").map((r) => r.visible)'
    )
    assert page.evaluate(visible) == [True, True]
    page.keyboard.press('Space')
    assert page.evaluate(visible) == [False, False]
    page.keyboard.press('Space')


def test_clips_move_only_if_motion_is_welcome(opened):
    frame = 'Number(document.querySelector(".clips input").value)'
    still = opened()
    before = still.evaluate(frame)
    button = still.locator('.clips button').first
    button.scroll_into_view_if_needed()
    assert still.evaluate(frame) == before and button.inner_text() == 'Play'
    assert still.evaluate(
        'document.querySelector(".clips canvas").getContext("2d").getImageData(0, 0, 220, 220).data.some(Boolean)'
    )
    button.focus()
    still.keyboard.press('Enter')
    still.wait_for_function(f'{frame} !== {before}')
    assert button.inner_text() == 'Pause' and still.locator('#play-all').inner_text() == 'Pause all'
    still.keyboard.press('Enter')
    moving = opened(motion='no-preference')
    assert moving.locator('.clips button').first.inner_text() == 'Pause'


def test_a_screen_reader_finds_its_way(opened):
    page = opened()
    levels = page.evaluate('[...document.querySelectorAll("h1,h2,h3")].map((e) => Number(e.localName[1]))')
    assert levels[0] == 1 and levels.count(1) == 1 and all(b - a <= 1 for a, b in itertools.pairwise(levels))
    for landmark in ('header', 'nav[aria-label]', 'main', 'footer'):
        assert page.locator(landmark).count() == 1
    meant = 'canvas[role], img, input[type=range], [role=region]'
    names = page.evaluate(f'[...document.querySelectorAll("{meant}")].map((e) => e.alt || e.ariaLabel)')
    assert len(names) > 20 and all(names)
    assert page.evaluate('[...document.querySelectorAll("table")].every((e) => e.caption.textContent && e.tHead)')
    assert page.evaluate('[...document.querySelectorAll("nav a")].every((e) => document.querySelector(e.hash))')
