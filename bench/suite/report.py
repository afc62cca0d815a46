# SPDX-License-Identifier: MIT
"""Medians, spread, ratios and bars: as a table, as JSON, as Markdown."""

from statistics import median

from .rows import BEST_PEER


def summarize(row, outcomes):
    """One dict for each system and metric that has values."""
    return [
        {"row": row.name + suffix, "system": name, "unit": unit,
         "median": median(outcome.values[metric]),
         "low": min(outcome.values[metric]),
         "high": max(outcome.values[metric]),
         "rounds": len(outcome.values[metric])}
        for metric, (suffix, unit) in row.metrics.items()
        for name, outcome in outcomes.items()
        if outcome.values.get(metric) and not outcome.failure]


def best_peer(row, bar, outcomes):
    """The name of the peer that is hardest to beat, or None."""
    peers = [peer.name for peer in row.peers
             if outcomes[peer.name].values.get(bar.metric)]
    pick = max if bar.is_floor else min
    return pick(peers, default=None,
                key=lambda name: median(outcomes[name].values[bar.metric]))


def compare(bar, ours, theirs):
    """Round by round: what was measured at about the same time."""
    return [a - b if bar.is_difference else a / b
            for a, b in zip(ours, theirs)]


def judge(row, bar, outcomes):
    """One bar as {"row", "against", "ratio", "bar", "met"}, and its spread."""
    ours = outcomes[row.ours.name].values.get(bar.metric, [])
    name = row.name + row.metrics[bar.metric][0]
    if bar.against is None:
        against, values, limit = f"limit {bar.limit:g}", [bar.limit], 1
        values = [bar.limit] * len(ours)
    else:
        against, limit = bar.against, bar.limit
        if against == BEST_PEER:
            against = best_peer(row, bar, outcomes) or BEST_PEER
        values = outcomes[against].values.get(bar.metric, []) \
            if against in outcomes else []
    found = compare(bar, ours, values)
    ratio = median(found) if found else None
    is_met = ratio is not None and (
        ratio >= limit if bar.is_floor else ratio <= limit)
    verdict = {"row": name, "against": against, "ratio": ratio, "bar": limit,
               "met": is_met}
    if bar.is_difference:
        verdict["unit"] = f" {row.metrics[bar.metric][1]} more"
    return verdict, found


def format_value(value):
    if value >= 1e6:
        return f"{value / 1e6:.2f}M"
    if value >= 1e4:
        return f"{value / 1e3:.0f}k"
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def print_summary(line):
    print(f"{line['row']:<28} {line['system']:<30} "
          f"{format_value(line['median']):>8} {line['unit']:<9} "
          f"({format_value(line['low'])}..{format_value(line['high'])})")


def print_verdict(verdict, found, is_floor):
    sign = ">=" if is_floor else "<="
    label = f"  against {verdict['against']}"
    if verdict["ratio"] is None:
        print(f"{verdict['row']:<28} {label:<30} {'-':>8}  "
              f"bar {sign} {verdict['bar']:g}: not measured")
        return
    print(f"{verdict['row']:<28} {label:<30} {verdict['ratio']:>7.2f}{verdict.get('unit', 'x')} "
          f"({min(found):.2f}..{max(found):.2f})  "
          f"bar {sign} {verdict['bar']:g}: "
          f"{'met' if verdict['met'] else 'MISSED'}")


def report_row(row, outcomes):
    """Print the row; returns its part of the JSON list."""
    lines = summarize(row, outcomes)
    for line in lines:
        print_summary(line)
    for bar in row.bars:
        verdict, found = judge(row, bar, outcomes)
        print_verdict(verdict, found, bar.is_floor)
        lines.append(verdict)
    print(flush=True)
    return lines


def markdown_cells(line):
    if "bar" not in line:
        return [line["row"], line["system"],
                f"{format_value(line['median'])} {line['unit']}",
                f"{format_value(line['low'])} to {format_value(line['high'])}"]
    if line["ratio"] is None:
        return [line["row"], f"against {line['against']}", "not measured", ""]
    return [line["row"], f"against {line['against']}",
            f"**{line['ratio']:.2f}{line.get('unit', '')}**",
            f"bar {line['bar']:g}: {'met' if line['met'] else 'missed'}"]


def markdown(lines):
    """What report_row() returned, for docs/PERFORMANCE.md."""
    rows = [["row", "", "median", "spread, or bar"], ["---"] * 4]
    rows += [markdown_cells(line) for line in lines]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)
