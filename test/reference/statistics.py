# Values for test/evaluation/statistics.test.ts: fixed data, and what scipy, statsmodels and numpy make of them.
import itertools, json, pathlib
import numpy as np
import statsmodels.api as sm
from scipy.stats import friedmanchisquare, binomtest, t, ttest_1samp, ttest_ind, ttest_rel
from statsmodels.stats.multitest import multipletests
from sklearn.metrics import cohen_kappa_score

rng = np.random.default_rng(7)
n = 300
ratio = np.exp(rng.normal(0.2, 0.4, n)).round(4)
won = (rng.random(n) < 1 / (1 + np.exp(-(0.3 + 1.5 * (ratio - 1))))).astype(float)
won[::17] = 0.5
fit = sm.GLM(won, sm.add_constant(ratio - 1), family=sm.families.Binomial()).fit()
a, se = fit.params[0], fit.bse[0]
sigmoid = lambda z: 1 / (1 + np.exp(-z))

items, raters = 5, 4
rankings = [(rng.permutation(items) + 1).tolist() for _ in range(raters)]
rankings[1] = rankings[0]
w = friedmanchisquare(*np.array(rankings).T).statistic / (raters * (items - 1))

values = rng.gamma(2.0, 30.0, 80).round(3)
boot = [rng.choice(values, 80).mean() for _ in range(20000)]
p = [0.01, 0.04, 0.03, 0.2, 0.005]
first, second = rng.random(60) < 0.6, rng.random(60) < 0.5
second[:30] = first[:30]

student_rng = np.random.default_rng(11)
samples = [[0.1, 0.3], [1, 2, 3, -1.5], [0.02, -0.01, 0.05, 0.04, 0.03, 0.01], student_rng.normal(0.1, 1, 40).round(4).tolist()]
tests = [ttest_1samp(sample, 0) for sample in samples]
now, then = student_rng.normal(0.6, 0.1, 12).round(4), student_rng.normal(0.5, 0.1, 12).round(4)

two_now, two_then = student_rng.normal(0.6, 0.1, 7).round(4), student_rng.normal(0.45, 0.1, 5).round(4)
two = ttest_ind(two_now, two_then, equal_var=True)

# Holm's weighted procedure as the closed test it is a shortcut of: the adjusted p-value of a hypothesis is the largest
# p-value of the weighted Bonferroni tests of all intersections that contain it.
weights = [0.6, 0.1, 0.1, 0.15, 0.05]
subsets = [s for r in range(1, 6) for s in itertools.combinations(range(5), r)]
of_intersection = {s: min(1, min(p[i] * sum(weights[j] for j in s) / weights[i] for i in s)) for s in subsets}
weighted = [max(value for s, value in of_intersection.items() if i in s) for i in range(5)]

pathlib.Path(__file__).with_name('statistics.json').write_text(json.dumps({
    'lengthControl': {'ratios': ratio.tolist(), 'outcomes': won.tolist(), 'value': sigmoid(a), 'low': sigmoid(a - 1.959963984540054 * se), 'high': sigmoid(a + 1.959963984540054 * se)},
    'kendall': {'rankings': rankings, 'w': w},
    'bootstrap': {'values': values.tolist(), 'mean': values.mean(), 'low': np.quantile(boot, 0.025), 'high': np.quantile(boot, 0.975), 'quantile': np.quantile(values, 0.3)},
    'holm': {'p': p, 'adjusted': multipletests(p, method='holm')[1].tolist(), 'weights': weights, 'weighted': weighted},
    'kappa': {'first': first.tolist(), 'second': second.tolist(), 'kappa': cohen_kappa_score(first, second)},
    'student': {
        'cdf': [[x, df, t.cdf(x, df)] for x in (-3.2, -0.5, 0, 0.7, 2.1, 12.7) for df in (1, 2, 5, 30, 400)],
        'quantile': [[p, df, t.ppf(p, df)] for p in (0.975, 0.6, 0.01) for df in (1, 2, 5, 30, 400)],
        'tests': [{'values': sample, 'value': float(np.mean(sample)), 'p': test.pvalue, 'low': test.confidence_interval().low, 'high': test.confidence_interval().high} for sample, test in zip(samples, tests)],
        'paired': {'now': now.tolist(), 'then': then.tolist(), 'p': ttest_rel(now, then).pvalue},
        'twoSample': {'now': two_now.tolist(), 'then': two_then.tolist(), 'p': two.pvalue, 'low': two.confidence_interval().low, 'high': two.confidence_interval().high},
    },
    'signTest': {'wins': 37, 'losses': 21, 'ties': 9, 'p': binomtest(37, 58).pvalue},
}))
