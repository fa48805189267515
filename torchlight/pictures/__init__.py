"""Pictures of a run and of its results, as PNG files: functions on plain arrays that know no model and no data."""

# The pictures in a work directory, each <name>.png, in the order in which they are shown elsewhere.
NAMES = ('curves', 'confusion_matrix', 'class_accuracy', 'embedding', 'topology', 'alignment')
