"""Small charts of a training run: those that there are curves of."""

from ui import charts, traincharts
from ui.handlers import live


def titles(curve):
    return [note.text for note in traincharts.details(curve).layout.annotations]


def test_a_chart_has_the_panels_that_have_curves():
    supervised = {"loss": [(1, 2.0)], "token_accuracy": [(1, 0.5), (2, 0.6)], "validation_token_accuracy": [(2, 0.4)]}
    assert titles(supervised) == ["Token accuracy"]
    preferred = {"loss": [(1, 0.69)], "reward_accuracy": [(1, 0.5)], "validation_reward_margin": [(1, 0.1)], "learning_rate": [(1, 1e-4)]}
    assert titles(preferred) == ["Learning rate", "Pairs ordered right", "Reward margin, chosen over rejected"]
    assert traincharts.details(preferred).layout.height == 3 * traincharts.HEIGHT
    assert len(traincharts.details({"loss": [(1, 2.0)]}).data) == 0


def test_an_encoder_shows_how_many_rows_it_labels_right():
    encoder = {"loss": [(1, 0.7), (2, 0.5)], "accuracy": [(1, 0.5), (2, 0.75)], "validation_accuracy": [(2, 0.625)]}
    assert titles(encoder) == ["Rows labelled right"]
    shown = live.figures(encoder)
    assert "<dt>Rows labelled right</dt><dd>75%</dd>" in shown and "<dt>Validation rows right</dt><dd>62%</dd>" in shown


def test_the_loss_says_what_it_is_of():
    assert charts.loss_unit({"loss": [(1, 2.0)]}) == "loss (nats per token)"
    assert charts.loss_unit({"loss": [(1, 0.7)], "accuracy": [(1, 0.5)]}) == "loss (nats per row)"
    assert charts.loss_unit({"loss": [(1, 0.69)], "reward_margin": [(1, 0.0)]}) == "loss (nats per pair; chance is 0.69)"
    assert charts.loss_unit({"loss": [(1, 0.1)], "reward": [(1, 0.3)]}) == "loss of the policy"


def test_rewards_stand_among_the_figures_of_the_moment():
    shown = live.figures({"loss": [(1, 0.5)], "reward_accuracy": [(1, 0.75)], "reward": [(1, -0.25)], "kl": [(1, 0.0123)]})
    for text in ("Pairs ordered right", "75%", "-0.25", "0.012"):
        assert text in shown
