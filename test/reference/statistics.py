# Values for test/evaluation/statistics.test.ts: fixed data, and what scipy, statsmodels and numpy make of them.
import json, pathlib
import numpy as np
import statsmodels.api as sm
from scipy.stats import friedmanchisquare, binomtest
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

pathlib.Path(__file__).with_name('statistics.json').write_text(json.dumps({
    'lengthControl': {'ratios': ratio.tolist(), 'outcomes': won.tolist(), 'value': sigmoid(a), 'low': sigmoid(a - 1.959963984540054 * se), 'high': sigmoid(a + 1.959963984540054 * se)},
    'kendall': {'rankings': rankings, 'w': w},
    'bootstrap': {'values': values.tolist(), 'mean': values.mean(), 'low': np.quantile(boot, 0.025), 'high': np.quantile(boot, 0.975), 'quantile': np.quantile(values, 0.3)},
    'holm': {'p': p, 'adjusted': multipletests(p, method='holm')[1].tolist()},
    'kappa': {'first': first.tolist(), 'second': second.tolist(), 'kappa': cohen_kappa_score(first, second)},
    'signTest': {'wins': 37, 'losses': 21, 'ties': 9, 'p': binomtest(37, 58).pvalue},
}))
