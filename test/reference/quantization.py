"""One row of random values in each of GGUF's block formats and what the gguf package reads back, for test/model/gguf-quantization.test.ts.

    reference/bin/python test/reference/quantization.py > test/reference/quantization.json      (environment: see default_model.py)

The bytes are random where the gguf package cannot quantize (the K kinds); every bit pattern is a valid block but for the half-precision scales.
"""
import base64
import json
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize, quantize

BLOCKS = 3
SCALES = {"Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}  # where a block keeps its half-precision scales


def main():
    rng = np.random.default_rng(1)
    out = {}
    for name in ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q5_K", "Q6_K"):
        kind = GGMLQuantizationType[name]
        values, size = GGML_QUANT_SIZES[kind]
        if name in SCALES:
            data = rng.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
            for at in SCALES[name]:
                data[:, at:at + 2] = (rng.random((BLOCKS, 1)) * 0.1).astype(np.float16).view(np.uint8)
            data = data.reshape(1, -1)
        else:
            data = quantize(rng.standard_normal((1, BLOCKS * max(values, 32))).astype(np.float32), kind)
        back = dequantize(data, kind).astype(np.float32).reshape(-1)
        out[name] = {"kind": int(kind), "bytes": base64.b64encode(np.ascontiguousarray(data).tobytes()).decode(), "values": back.tolist()}
    json.dump(out, sys.stdout)


main()
