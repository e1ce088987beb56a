"""CPU seconds of the symbolic diagnostics on a million symbols: ``python benchmarks/symbols.py``."""

import time

import numpy as np

import weakchaos as wc

SYMBOLS = 1_000_000


def main():
    rng = np.random.default_rng(0)
    texts = {
        "binary": rng.integers(0, 2, SYMBOLS),
        "26 letters": rng.integers(0, 26, SYMBOLS),
        "one symbol": np.zeros(SYMBOLS, np.int64),
    }
    functions = {
        "runs": wc.diagnostics.runs,
        "word_complexity": wc.diagnostics.word_complexity,
        "period": wc.diagnostics.period,
        "lempel_ziv": wc.diagnostics.lempel_ziv,
        "entropy_rate": wc.diagnostics.entropy_rate,
    }
    print(f"{'CPU s, least of 3':20s}" + "".join(f"{name:>14s}" for name in texts))
    for name, function in functions.items():
        row = []
        for text in texts.values():
            function(text[:2000])
            seconds = []
            for _ in range(3):
                begin = time.process_time()
                function(text)
                seconds.append(time.process_time() - begin)
            row.append(min(seconds))
        print(f"{name:20s}" + "".join(f"{value:14.3f}" for value in row))


if __name__ == "__main__":
    main()
