"""The arithmetic of the benchmark."""

import math

import pytest

from bench.measure import Histogram, HistogramError, Ratio, Series, gather, percentile, rotation


def test_the_percentiles_of_a_histogram_are_in_milliseconds() -> None:
    latencies = Histogram.parse([[100.0, 50], [200.0, 49], [5000.0, 1]])
    assert latencies.count == 100
    assert latencies.percentile(50) == 0.1
    assert latencies.percentile(51) == 0.2
    assert latencies.percentile(99) == 0.2
    assert latencies.percentile(100) == 5.0


def test_an_empty_histogram_has_no_percentile() -> None:
    assert math.isnan(Histogram.parse([]).percentile(50))


@pytest.mark.parametrize("pairs", [None, {}, [[1]], [[1, 2, 3]], [["1", 2]], [[2, 1], [1, 1]], [[1, 1], [1, 1]]])
def test_what_is_not_a_rising_list_of_pairs_is_no_histogram(pairs: object) -> None:
    with pytest.raises(HistogramError):
        Histogram.parse(pairs)


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([3, 1, 2], 50) == 2
    assert percentile([3, 1, 2], 99) == 3
    assert percentile([7], 50) == 7
    assert math.isnan(percentile([], 50))


def test_the_median_forgets_rounds_without_a_value() -> None:
    assert Series((1.0, math.nan, 3.0)).median == 2.0
    assert math.isnan(Series((math.nan,)).median)


def test_noise_is_the_spread_between_rounds_in_units_of_the_median() -> None:
    assert Series((90.0, 100.0, 120.0)).noise == pytest.approx(0.3)
    assert Series((100.0,)).noise == 0
    assert Series((math.nan, math.nan)).noise == 0
    assert Series((0.0, 0.0)).noise == 0


def test_a_ratio_is_of_the_medians_with_the_extremes_of_paired_rounds() -> None:
    ours, theirs = Series((10.0, 20.0, 60.0)), Series((10.0, 5.0, 10.0))
    assert ours.over(theirs) == Ratio(2.0, 1.0, 6.0)


def test_a_ratio_to_nothing_is_not_a_number() -> None:
    assert math.isnan(Series((1.0,)).over(Series((0.0,))).value)
    assert math.isnan(Series((1.0,)).over(Series((math.nan,))).value)


def test_slices_are_gathered_by_figure_and_a_missing_one_is_not_a_number() -> None:
    gathered = gather([{"rate": 1.0, "p99": 2.0}, {"rate": 3.0}])
    assert gathered["rate"] == Series((1.0, 3.0))
    assert gathered["p99"].values[0] == 2.0
    assert math.isnan(gathered["p99"].values[1])
    assert gathered["p99"].median == 2.0


def test_every_second_round_goes_the_other_way_round() -> None:
    assert rotation(["a", "b", "c"], 0) == ["a", "b", "c"]
    assert rotation(["a", "b", "c"], 1) == ["c", "b", "a"]
    assert rotation(["a", "b", "c"], 2) == ["a", "b", "c"]
