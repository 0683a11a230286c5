"""What peers/run prints."""


def told(spread, digits=2):
    return (f"{spread['median']:.{digits}f} "
            f"({spread['least']:.{digits}f}-{spread['greatest']:.{digits}f})")


def show(result, say):
    from contestants import told as told_choice
    say(f"\n{result['step']}: {result['mflop']:.0f} MFLOP a step of {result['images']} images")
    say(f"  {'':22} {'images/s':>25} {'Burin is faster':>17} {'GF/s':>21} {'GF/processor s':>21} "
        f"{'peak MiB':>8} {'start s':>7}  variant")
    for name, one in result["sides"].items():
        faster = "" if name == "Burin" else told(one["burin_is_faster"])
        say(f"  {name:22} {told(one['images_per_s'], 0):>25} {faster:>17} "
            f"{told(one['gflop_per_s'], 1):>21} {told(one['gflop_per_processor_s'], 1):>21} "
            f"{one['peak_mib']:>8.0f} {one['start_s']:>7.2f}  {told_choice(one['choice'])}; "
            f"{one['version']}" + (f"; by GF/s: {one['note']}" if one["note"] else ""))
    if result["best_peer"]:
        best = result["sides"][result["best_peer"]]["burin_is_faster"]
        say(f"  ratio to the best peer, {result['best_peer']}: {told(best)}")
    if result["floor"]:
        say(f"  share of the floor, {result['floor']}: {told(result['share_of_floor'])}")
    if result["burin_train_s"] is not None:
        say(f"  burin train --steps 1, from start to end: {result['burin_train_s']:.2f} s")
    for what in ("skipped", "failed"):
        for name, why in result[what].items():
            say(f"  {what}: {name}: {why}")
    loads = result["load_average"]
    say(f"  load average {min(loads):.1f}-{max(loads):.1f}")


def summary(results, say):
    say(f"\n  {'step':10} {'MFLOP':>6} {'Burin, images/s':>16} {'best peer':>18} "
        f"{'ratio':>17} {'share of floor':>17} {'peak MiB':>11} {'start s':>11}")
    for r in results:
        burin, peer = r["sides"]["Burin"], r["sides"].get(r["best_peer"])
        share = told(r["share_of_floor"]) if r["floor"] else ""
        pair = ("", "", "") if peer is None else (
            told(peer["burin_is_faster"]), f"{burin['peak_mib']:.0f} / {peer['peak_mib']:.0f}",
            f"{burin['start_s']:.2f} / {peer['start_s']:.2f}")
        say(f"  {r['step']:10} {r['mflop']:>6.0f} {burin['images_per_s']['median']:>16,.0f} "
            f"{r['best_peer'] or 'none':>18} {pair[0]:>17} {share:>17} {pair[1]:>11} {pair[2]:>11}")
