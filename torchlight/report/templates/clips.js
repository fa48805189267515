// Draws skeletons, T frames of M persons with V joints each: two bytes a joint, 255 where it is not there.
(() => {
  const { bones, clips } = JSON.parse(document.getElementById('clips-data').textContent);
  const ABSENT = 255, FRAMES_A_SECOND = 15, PALER = [1, 0.55, 0.4];
  const all = document.getElementById('play-all');
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;

  const players = [...document.querySelectorAll('.clips figure')].map((figure, number) => {
    const { shape: [frames, persons, joints], points } = clips[number];
    const bytes = Uint8Array.from(atob(points), (character) => character.charCodeAt(0));
    const canvas = figure.querySelector('canvas');
    const [button, slider] = [figure.querySelector('button'), figure.querySelector('input')];
    const name = button.getAttribute('aria-label').slice('Play '.length);
    const player = { playing: false, visible: true, draw, play, step };
    slider.max = Math.max(frames - 1, 0);
    slider.value = Math.floor(frames / 2);

    function draw() {
      const pen = canvas.getContext('2d');
      const side = canvas.width / (ABSENT - 1);
      pen.clearRect(0, 0, canvas.width, canvas.height);
      pen.strokeStyle = pen.fillStyle = getComputedStyle(canvas).color;
      pen.lineWidth = 2.5;
      pen.lineCap = 'round';
      for (let person = 0; person < persons; person++) {
        const start = (slider.value * persons + person) * joints * 2;
        const place = (joint) => [bytes[start + 2 * joint] * side, bytes[start + 2 * joint + 1] * side];
        const there = (joint) => bytes[start + 2 * joint] !== ABSENT;
        pen.globalAlpha = PALER[Math.min(person, PALER.length - 1)];
        pen.beginPath();
        for (const [child, parent] of bones)
          if (there(child) && there(parent)) {
            pen.moveTo(...place(child));
            pen.lineTo(...place(parent));
          }
        pen.stroke();
        for (let joint = 0; joint < joints; joint++)
          if (there(joint)) {
            pen.beginPath();
            pen.arc(...place(joint), bones.length ? 2.2 : 3, 0, 2 * Math.PI);
            pen.fill();
          }
      }
    }

    function play(on) {
      player.playing = on;
      button.textContent = on ? 'Pause' : 'Play';
      button.setAttribute('aria-label', `${button.textContent} ${name}`);
      all.textContent = players.some((other) => other.playing) ? 'Pause all' : 'Play all';
    }

    function step() {
      if (!player.playing || !player.visible || !frames) return;
      slider.value = (Number(slider.value) + 1) % frames;
      draw();
    }

    button.addEventListener('click', () => play(!player.playing));
    slider.addEventListener('input', () => { play(false); draw(); });
    new IntersectionObserver(([entry]) => { player.visible = entry.isIntersecting; }).observe(figure);
    return player;
  });

  all.addEventListener('click', () => {
    const on = !players.some((player) => player.playing);
    for (const player of players) player.play(on);
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => players.forEach((player) => player.draw()));
  for (const player of players) {
    player.draw();
    player.play(!still);
  }
  let last = 0;
  requestAnimationFrame(function tick(now) {
    if (now - last >= 1000 / FRAMES_A_SECOND) {
      last = now;
      for (const player of players) player.step();
    }
    requestAnimationFrame(tick);
  });
})();
