"""Defects to plant in refits and standings: who is registered, what settings hold, what a segment counts, what is comparable, what is published."""

from collections.abc import Sequence

from tests.faults.planting import Defect, one

REGISTER = "tests/services/test_register.py"
LEAGUES = "tests/services/test_leagues.py"
CERTAINTY = "tests/services/test_certainty.py"
SEGMENT_FITS = "tests/services/test_segment_fits.py"
SEGMENT_STANDINGS = "tests/services/test_segment_standings.py"
PREDICTIONS = "tests/services/test_predictions.py"
REFITS = "tests/services/test_refits.py"
IDENTIFIABILITY = "tests/core/test_identifiability.py"
RANKING = "tests/ratings/test_ranking.py"
AUDITS = "tests/services/test_fit_audits.py"
CATALOGUE = f"{AUDITS}::test_every_fit_of_the_catalogue_is_found_again"

DEFECTS_OF_REFITS: Sequence[Defect] = (
    one(
        "one stranger beside a registered competitor may play",
        "app/services/repetitions.py",
        "        if unknown:\n            decided.refused[index]",
        "        if len(unknown) == 2:\n            decided.refused[index]",
        REGISTER,
    ),
    one(
        "a correction brings a stranger into the register",
        "app/services/corrections.py",
        'if newcomers and read_settings(row.settings).competitors == "registered":',
        'if newcomers and read_settings(row.settings).competitors == "open":',
        f"{REGISTER}::test_a_correction_brings_nobody_in",
    ),
    one(
        "who is registered counts as a competitor before a match",
        "app/services/leagues.py",
        "if row.amended_position or row.named_position else",
        "if row.amended_position else",
        REGISTER,
    ),
    one(
        "registering again is another entry",
        "app/services/roster.py",
        "_register(unit, row, author, key, shown)) if found is None else",
        "_register(unit, row, author, key, shown)) if found is None or not found.matches else",
        REGISTER,
    ),
    one(
        "another name is taken for other settings",
        "app/storage/entries.py",
        'details["settings"]) for position, details in changes if "settings" in details]',
        'details.get("settings", changes[0][1]["settings"])) for position, details in changes]',
        LEAGUES,
    ),
    one(
        "settings hold from the entry before their change",
        "app/services/leagues.py",
        "unit.entries.settings_changes(row.id, row.position)[-1][0]",
        "max(0, unit.entries.settings_changes(row.id, row.position)[-1][0] - 1)",
        LEAGUES,
    ),
    one("provisional below a standard error", "app/services/statuses.py", "~(error <= most)", "~(error >= most)", LEAGUES),
    one(
        "whom the fit does not know is sure enough",
        "app/services/statuses.py",
        "    unsure[:] = True\n",
        "",
        LEAGUES,
    ),
    one(
        "a segment counts the match that was corrected out of it",
        "app/services/match_contexts.py",
        "if correction.match is not None and place < len(log)",
        "if correction.match is None and place < len(log)",
        SEGMENT_FITS,
        SEGMENT_STANDINGS,
    ),
    one(
        "a segment's fit is of everyone",
        "app/services/fit_work.py",
        "players_only=bool(where))",
        "players_only=False)",
        SEGMENT_FITS,
    ),
    one(
        "a segment's certificate counts the league's competitors",
        "app/services/fitting.py",
        '"competitors": int(np.count_nonzero(field.playing))',
        '"competitors": len(field.playing) + 1',
        SEGMENT_FITS,
    ),
    one(
        "a path one way is no path",
        "app/core/identifiability.py",
        "self._reaches(a, b) or self._reaches(b, a)",
        "self._reaches(a, b) and self._reaches(b, a)",
        IDENTIFIABILITY,
    ),
    one(
        "what is ordered only counts as compared",
        "app/core/identifiability.py",
        'return "ordered-only" if self._reaches',
        'return "yes" if self._reaches',
        IDENTIFIABILITY,
    ),
    one(
        "a fit compares what was played after it",
        "app/services/comparability.py",
        "return min(now, fit.strengths",
        "return max(now, fit.strengths",
        PREDICTIONS,
    ),
    one(
        "a number for whom nothing compares",
        "app/services/predictions.py",
        '    if comparable == "no":\n        return None, None, None',
        '    if comparable == "yes and no":\n        return None, None, None',
        PREDICTIONS,
        CERTAINTY,
    ),
    one(
        "the later of two publications stands, however old",
        "app/services/refit_runs.py",
        "standing[1] >= work.position",
        "standing[1] < 0",
        f"{REFITS}::test_an_older_fit_never_replaces_a_newer_one",
    ),
    one(
        "a segment's fit is held against the league's",
        "app/services/refit_runs.py",
        "    number = unit.refits.last_published(league.id, where.text)\n",
        "    number = league.published_fit\n",
        SEGMENT_FITS,
    ),
    one(
        "whoever lost a job publishes it",
        "app/services/refit_runs.py",
        'if row is None or job.status != "running" or job.fence != claim.fence:',
        'if row is None or job.status != "running":',
        f"{REFITS}::test_a_job_whose_lease_ended_is_taken_over_and_the_loser_publishes_nothing",
    ),
    one(
        "a job is taken over while its lease holds",
        "app/storage/refits.py",
        'and_(refit.c.status == "running", refit.c.lease_until < now)',
        'and_(refit.c.status == "running", refit.c.lease_until > now)',
        f"{REFITS}::test_a_job_whose_lease_ended_is_taken_over_and_the_loser_publishes_nothing",
    ),
    one(
        "a tier opens below its last member",
        "app/ratings/ranking.py",
        "behind = fit.theta[leader] - fit.theta[rest] >",
        "behind = np.append(0.0, -np.diff(fit.theta[rest])) >",
        CERTAINTY,
        RANKING,
        CATALOGUE,
    ),
    one(
        "a rank is significant without Holm",
        "app/ratings/ranking.py",
        "np.maximum(tests[:, None] - np.arange(z.shape[1]), 1)",
        "np.ones(z.shape, dtype=np.int64)",
        RANKING,
    ),
    one("drift in points", "app/services/drifts.py", "ratings[known] / natural_unit(fit.settings.scale)", "ratings[known]", CERTAINTY),
    one(
        "drift about the mean of the league",
        "app/services/drifts.py",
        "centre(live, islands) - centre(fitted",
        "live - live.mean() - centre(fitted",
        CERTAINTY,
    ),
    one(
        "the alarm counts newcomers",
        "app/services/drift_alarms.py",
        "(table.matches >= FROM_MATCHES) & ~np.isnan(table.drifts)",
        "~np.isnan(table.drifts)",
        CERTAINTY,
    ),
    one(
        "covariates are scaled about their mean",
        "app/ratings/covariates.py",
        "(weight[:, None] * columns**2).sum(axis=0)",
        "(weight[:, None] * (columns - columns.mean(axis=0))**2).sum(axis=0)",
        CATALOGUE,
    ),
    one(
        "relative covariates by the larger side",
        "app/services/covariates.py",
        "(first - second) / (first + second)",
        "(first - second) / max(first, second)",
        CATALOGUE,
    ),
    one(
        "decay from the last entry of any kind",
        "app/services/fitting.py",
        "watermark = min(int(log.when.max()), recorded_at)",
        "watermark = recorded_at",
        CATALOGUE,
    ),
    one(
        "few games by their weight alone",
        "app/ratings/fits.py",
        "np.asarray(effective < FEW_GAMES)",
        "np.asarray(effective < 0.0)",
        CATALOGUE,
        "tests/ratings/test_fits.py",
    ),
    one(
        "a chance to be first without its correlations",
        "app/ratings/ranking.py",
        "0.5 * (own[:, None] + own[None, :] - variances[np.ix_(rivals, rivals)])",
        "np.diag(own)",
        CATALOGUE,
    ),
    one(
        "a strong class by any match",
        "app/core/identifiability.py",
        "    tail = np.concatenate([first[first_took], second[second_took]])\n    return tail, np.concatenate([second[first_took], first[second_took]])",
        "    tail = np.concatenate([first, second])\n    return tail, np.concatenate([second, first])",
        IDENTIFIABILITY,
        f"{AUDITS}::test_small_fits_are_found_again",
    ),
)
