"""Windows, bins and filling, one row at a time and in plain Python: the slow twin."""

import math
from fractions import Fraction


def is_there(value):
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def segments(rows, breaks=()):
    """Pairs (start, stop) of runs without NaN that no break cuts."""
    found = []
    for row, values in enumerate(rows):
        if any(math.isnan(value) for value in values):
            continue
        if found and found[-1][1] == row and row not in breaks:
            found[-1][1] = row + 1
        else:
            found.append([row, row + 1])
    return found


def window_starts(pairs, size, stride):
    starts = []
    for start, stop in pairs:
        starts += range(start, stop - size + 1, stride)
    return starts


def windows(rows, starts, size, center, scale):
    """Scaled windows as nested lists of float."""
    return [
        [
            [(value - c) / s for value, c, s in zip(row, center, scale, strict=True)]
            for row in rows[start : start + size]
        ]
        for start in starts
    ]


def row_scores(scores, starts, size, n_rows, *, how, missing):
    result = []
    for row in range(n_rows):
        covering = [
            score
            for score, start in zip(scores, starts, strict=True)
            if (start + size - 1 == row if how == "last" else start <= row < start + size)
        ]
        if not covering:
            result.append(missing)
        elif any(math.isnan(score) for score in covering):
            result.append(math.nan)
        elif how == "mean":
            total = 0.0
            for score in covering:
                total += score
            result.append(total / len(covering))
        else:
            result.append(max(covering))
    return result


def find_breaks(times, max_step):
    return [row for row in range(1, len(times)) if times[row] - times[row - 1] > max_step]


def aggregate(times, values, interval, kind, *, start=None, stop=None):
    """Whole seconds to (first second of each interval, value of each interval)."""
    first = min(times) // interval * interval if start is None else start
    end = max(times) + 1 if stop is None else stop
    starts, found = [], []
    while first < end:
        inside = [
            value
            for time, value in zip(times, values, strict=True)
            if first <= time < first + interval and (stop is None or time < stop)
        ]
        starts.append(first)
        found.append(_reduce(kind, inside))
        first += interval
    return starts, found


def _reduce(kind, inside):
    present = [value for value in inside if is_there(value)]
    if kind == "count":
        return len(present)
    if kind == "distinct":
        return len(set(present))
    if kind == "sum":
        return sum(present)
    if not present:
        return math.nan
    if kind == "mean":
        return sum(present) / len(present)
    return min(present) if kind == "min" else max(present)


def fill(column, how, mean=None, limit=None):
    present = [value for value in column if is_there(value)]
    if mean is None and present:
        mean = math.fsum(present) / len(present)
    result = list(column)
    for row, value in enumerate(column):
        if is_there(value):
            continue
        before = next((r for r in range(row, -1, -1) if is_there(column[r])), None)
        after = next((r for r in range(row, len(column)) if is_there(column[r])), None)
        run = (len(column) if after is None else after) - (-1 if before is None else before) - 1
        if limit is not None and run > limit:
            continue
        if how == "mean" and mean is not None:
            result[row] = mean
        elif how == "previous" and before is not None:
            result[row] = column[before]
        elif how == "linear" and before is not None and after is not None:
            share = Fraction(row - before, after - before)
            result[row] = column[before] + float(share) * (column[after] - column[before])
    return result


def at(times, values, moments, how):
    """Values at moments: the last one until then, or on the line between the neighbours."""
    known = {time: value for time, value in zip(times, values, strict=True) if is_there(value)}
    result = []
    for moment in moments:
        before = max((time for time in known if time <= moment), default=None)
        after = min((time for time in known if time >= moment), default=None)
        if before is None or (how == "linear" and after is None):
            result.append(math.nan)
        elif how == "previous" or before == after:
            result.append(known[before])
        else:
            slope = (known[after] - known[before]) / (after - before)
            result.append(known[before] + slope * (moment - before))
    return result
