"""Pictures, drawn by matplotlib without a display: `save` writes them.

`plot_scores` draws a series with its scores, `plot_evaluation` how well scores tell labels apart,
`plot_losses` how a network was trained.
`Overview` is what series are drawn from: the lowest and highest value in each of a few thousand
stretches, collected chunk by chunk in constant memory, so that ten million rows draw as quickly as
ten thousand and no spike is lost; `draw` draws overviews.
"""

from fastrcf.plotting.evaluation import plot_evaluation
from fastrcf.plotting.losses import plot_losses
from fastrcf.plotting.overview import Overview
from fastrcf.plotting.series import draw, plot_scores
from fastrcf.plotting.style import save

__all__ = ["Overview", "draw", "plot_evaluation", "plot_losses", "plot_scores", "save"]
