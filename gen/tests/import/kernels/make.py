#!/usr/bin/env python3
"""Makes kernels.npz: small TensorFlow Lite models of an operator or a few, frames, and what the reference kernels give.

Needs the packages `ai-edge-litert` and `numpy`; Netetch itself needs neither:

    python3 -m venv lite && lite/bin/pip install ai-edge-litert==2.3.0 numpy
    lite/bin/python gen/tests/import/kernels/make.py

For each case the file holds `<case>__model` (the bytes of a .tflite file), `<case>__x` and `<case>__y`, one frame a row.
"""

import pathlib
import sys
import zlib

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl
from ai_edge_litert.interpreter import Interpreter, OpResolverType

FRAMES = 16
TYPES = {
    "i4": (tfl.TensorType.INT4, np.int8, -8, 7),
    "i8": (tfl.TensorType.INT8, np.int8, -128, 127),
    "u8": (tfl.TensorType.UINT8, np.uint8, 0, 255),
    "i16": (tfl.TensorType.INT16, np.int16, -32768, 32767),
    "i32": (tfl.TensorType.INT32, np.int32, -(2**31), 2**31 - 1),
    "i64": (tfl.TensorType.INT64, np.int64, -(2**63), 2**63 - 1),
}
B = tfl.BuiltinOperator
SAME, VALID = tfl.Padding.SAME, tfl.Padding.VALID
NONE, RELU, RELU6, CLIP = (
    tfl.ActivationFunctionType.NONE,
    tfl.ActivationFunctionType.RELU,
    tfl.ActivationFunctionType.RELU6,
    tfl.ActivationFunctionType.RELU_N1_TO_1,
)


class Case:
    """One model under construction; the operands of its operator in order."""

    def __init__(self, name):
        self.name, self.random = name, np.random.default_rng(zlib.crc32(name.encode()))
        self.tensors, self.buffers, self.operators, self.codes = [], [tfl.BufferT()], [], []
        self.frames = None

    def tensor(self, kind, shape, scale=None, zero=0, data=None, axis=0):
        tensor = tfl.TensorT()
        tensor.name, tensor.shape, tensor.type = f"t{len(self.tensors)}", list(shape), TYPES[kind][0]
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            quantization = tfl.QuantizationParametersT()
            quantization.scale = scales
            quantization.zeroPoint = np.full(len(scales), zero, np.int64)
            quantization.quantizedDimension = axis
            tensor.quantization = quantization
        if data is not None:
            buffer = tfl.BufferT()
            data = np.asarray(data)
            if kind == "i4":
                flat = np.append(data.ravel(), np.zeros(data.size % 2, data.dtype)).astype(np.int64) & 15
                raw = (flat[0::2] | flat[1::2] << 4).astype(np.uint8)
            else:
                raw = np.frombuffer(data.astype(TYPES[kind][1]).tobytes(), np.uint8)
            buffer.data = raw
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer)
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def integers(self, kind, shape):
        _, _, low, high = TYPES[kind]
        return self.random.integers(low, high, shape, endpoint=True)

    def operator(self, code, inputs, outputs, options=None, **fields):
        operator, entry = tfl.OperatorT(), tfl.OperatorCodeT()
        entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = code, min(code, 127), 1
        operator.opcodeIndex = len(self.codes)
        self.codes.append(entry)
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        if options:
            operator.builtinOptionsType = getattr(tfl.BuiltinOptions, options)
            made = getattr(tfl, options + "T")()
            for field, value in fields.items():
                setattr(made, field, value)
            operator.builtinOptions = made
        self.operators.append(operator)

    def bytes(self, source, result):
        graph, model = tfl.SubGraphT(), tfl.ModelT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = [source], [result]
        model.version, model.subgraphs, model.operatorCodes, model.buffers = 3, [graph], self.codes, self.buffers
        builder = flatbuffers.Builder()
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


CASES = {}


def case(name, build, *arguments, **options):
    CASES[name] = (build, arguments, options)


def scales(kind):
    """A scale for activations of a kind, and a zero point."""
    return {"i8": (0.047, -7), "u8": (0.043, 119), "i16": (0.00031, 0)}[kind]


def result_scale(kind, real):
    """The scale with which results of the standard deviation `real` nearly fill a kind."""
    return real / {"i8": 55, "u8": 55, "i16": 14000}[kind]


def result_zero(kind):
    return {"i8": 11, "u8": 131, "i16": 0}[kind]


def product(case, kind, weights, bias, per_channel, fan_in, shape, axis, activation):
    """Weights and biases, and the result's scale and zero."""
    scale, _ = scales(kind)
    outputs = shape[axis]
    zero = 117 if weights == "u8" else 0
    own = case.random.uniform(0.004, 0.02, outputs if per_channel else 1).astype(np.float32)
    codes = case.integers(weights, shape)
    low = TYPES[weights][2]
    if weights != "u8":
        codes = np.maximum(codes, low + 1)
    w = case.tensor(weights, shape, own, zero, codes, axis)
    spread = {"i8": 74, "u8": 74, "i16": 19000}[kind] * {"i8": 74, "u8": 74, "i4": 4.5}[weights]
    real = spread * np.sqrt(fan_in)
    operands = [w]
    if bias:
        codes = case.random.integers(-real, real, outputs)
        operands.append(case.tensor(bias, [outputs], own * np.float32(scale), 0, codes))
    greatest = {RELU6: 6.0, CLIP: 1.0}.get(activation)
    deviation = real * scale * float(own.max())
    made = greatest / 100 * (1 if kind != "i16" else 1 / 200) if greatest else result_scale(kind, deviation)
    return operands, made


def conv(case, kind, weights, bias, size, kernel, outputs, stride=1, dilation=1, padding=SAME,
         activation=NONE, per_channel=True, groups=1, before=None):
    scale, zero = scales(kind)
    channels = size[2]
    x = case.tensor(kind, [1, *size], scale, zero)
    source = x
    if before:
        amounts = case.tensor("i32", [4, 2], data=np.array([[0, 0], before[:2], before[2:], [0, 0]]))
        padded = [1, size[0] + before[0] + before[1], size[1] + before[2] + before[3], channels]
        source = case.tensor(kind, padded, scale, zero)
        case.operator(B.PAD, [x, amounts], [source], "PadOptions")
        size = padded[1:]
    shape = [outputs, *kernel, channels // groups]
    operands, made = product(case, kind, weights, bias, per_channel, np.prod(shape[1:]), shape, 0, activation)
    y = case.tensor(kind, [1, *extent(size, kernel, stride, dilation, padding), outputs], made, result_zero(kind))
    case.operator(B.CONV_2D, [source, *operands], [y], "Conv2DOptions", padding=padding, strideH=stride,
                  strideW=stride, dilationHFactor=dilation, dilationWFactor=dilation,
                  fusedActivationFunction=activation, quantizedBiasType=announced(kind, bias))
    return x, y


def announced(kind, bias):
    """What options say of 32-bit biases beside 16-bit activations, which are of 64 bits else."""
    return tfl.TensorType.INT32 if (kind, bias) == ("i16", "i32") else tfl.TensorType.FLOAT32


def extent(size, kernel, stride, dilation, padding):
    spans = [(k - 1) * dilation + 1 for k in kernel]
    room = [s if padding == SAME else s - span + 1 for s, span in zip(size, spans)]
    return [-(-r // stride) for r in room]


def depthwise(case, kind, weights, bias, size, kernel, multiplier, stride=1, padding=SAME, activation=NONE,
              per_channel=True):
    scale, zero = scales(kind)
    outputs = size[2] * multiplier
    x = case.tensor(kind, [1, *size], scale, zero)
    shape = [1, *kernel, outputs]
    operands, made = product(case, kind, weights, bias, per_channel, np.prod(kernel), shape, 3, activation)
    y = case.tensor(kind, [1, *extent(size, kernel, stride, 1, padding), outputs], made, result_zero(kind))
    case.operator(B.DEPTHWISE_CONV_2D, [x, *operands], [y], "DepthwiseConv2DOptions", padding=padding,
                  strideH=stride, strideW=stride, depthMultiplier=multiplier, dilationHFactor=1,
                  dilationWFactor=1, fusedActivationFunction=activation)
    return x, y


def dense(case, kind, weights, bias, inputs, outputs, activation=NONE, per_channel=False):
    scale, zero = scales(kind)
    x = case.tensor(kind, [1, inputs], scale, zero)
    operands, made = product(case, kind, weights, bias, per_channel, inputs, [outputs, inputs], 0, activation)
    y = case.tensor(kind, [1, outputs], made, result_zero(kind))
    case.operator(B.FULLY_CONNECTED, [x, *operands], [y], "FullyConnectedOptions",
                  fusedActivationFunction=activation, quantizedBiasType=announced(kind, bias))
    return x, y


def pool(case, kind, code, size, kernel, stride, padding, activation=NONE):
    scale, zero = scales(kind)
    x = case.tensor(kind, [1, *size], scale, zero)
    y = case.tensor(kind, [1, *extent(size, kernel, stride, 1, padding), size[2]], scale, zero)
    case.operator(code, [x], [y], "Pool2DOptions", padding=padding, strideH=stride, strideW=stride,
                  filterHeight=kernel[0], filterWidth=kernel[1], fusedActivationFunction=activation)
    return x, y


def mean(case, kind, size, keep, factor=1.0, axes=(1, 2), zero=None):
    scale, own = scales(kind)
    x = case.tensor(kind, [1, *size], scale, own)
    axis = case.tensor("i32", [len(axes)], data=np.array(axes))
    full = [1, *size]
    kept = {a % len(full) for a in axes}
    shape = [1 if i in kept else e for i, e in enumerate(full) if keep or i not in kept]
    y = case.tensor(kind, shape, scale * factor, own if zero is None else zero)
    case.operator(B.MEAN, [x, axis], [y], "ReducerOptions", keepDims=keep)
    return x, y


def constant(case, code, kind, shape, of, factor=1.0, activation=NONE, first=False, options="MulOptions"):
    """A product, a sum or a difference with a constant."""
    scale, zero = scales(kind)
    x = case.tensor(kind, shape, scale, zero)
    c = case.tensor(kind, of, 0.02 if kind != "i16" else 0.00007, 0 if kind == "i16" else zero + 3,
                    case.integers(kind, of))
    y = case.tensor(kind, shape, result_scale(kind, 3.5 * factor), result_zero(kind))
    case.operator(code, [c, x] if first else [x, c], [y], options, fusedActivationFunction=activation)
    return x, y


def both(case, kind, scale):
    """Two depthwise convolutions of one input, so that a sum has two operands."""
    own, zero = scales(kind)
    size = [3, 2, 4]
    x = case.tensor(kind, [1, *size], own, zero)
    made = []
    for factor in scale:
        one = kind == "u8"
        codes = case.integers("u8", [1, 1, 1, 4]) if one else case.random.integers(-127, 128, [1, 1, 1, 4])
        units = np.full(1 if one else 4, 0.01, np.float32)
        weight = case.tensor("u8" if one else "i8", [1, 1, 1, 4], units, 128 if one else 0, codes, 3)
        none = case.tensor("i64" if kind == "i16" else "i32", [4], units * np.float32(own), 0, np.zeros(4))
        y = case.tensor(kind, [1, *size], factor, result_zero(kind))
        case.operator(B.DEPTHWISE_CONV_2D, [x, weight, none], [y], "DepthwiseConv2DOptions", padding=VALID,
                      strideH=1, strideW=1, depthMultiplier=1, dilationHFactor=1, dilationWFactor=1,
                      fusedActivationFunction=NONE)
        made.append(y)
    return x, made, size


def add(case, kind, scale, result, activation=NONE, code=B.ADD, options="AddOptions", **fields):
    x, made, size = both(case, kind, scale)
    y = case.tensor(kind, [1, *size], result, 0 if kind == "i16" else result_zero(kind) - 30)
    case.operator(code, made, [y], options, fusedActivationFunction=activation, **fields)
    return x, y


def added(case, code, kind, shape, of, units, activation=NONE, first=False, **fields):
    """A sum or a difference with a constant; units of operand, constant and result."""
    powers = all(np.log2(unit) == int(np.log2(unit)) for unit in units)
    zeros = [0, 0, 0] if kind == "i16" or powers else [scales(kind)[1], result_zero(kind) + 3, result_zero(kind)]
    x = case.tensor(kind, shape, units[0], zeros[0])
    c = case.tensor(kind, of, units[1], zeros[1], case.integers(kind, of))
    y = case.tensor(kind, shape, units[2], zeros[2])
    options = "AddOptions" if code == B.ADD else "SubOptions"
    case.operator(code, [c, x] if first else [x, c], [y], options, fusedActivationFunction=activation, **fields)
    return x, y


def concatenation(case, kind):
    x, made, size = both(case, kind, [result_scale(kind, 3.0)] * 2)
    y = case.tensor(kind, [1, *size[:2], 8], result_scale(kind, 3.0), result_zero(kind))
    case.operator(B.CONCATENATION, made, [y], "ConcatenationOptions", axis=3)
    return x, y


def unary(case, code, kind, to, factor=1.0, options=None, shape=(1, 3, 4, 2), zero=None, **fields):
    scale, own = scales(kind)
    made, made_zero = (scale, own) if kind == to else scales(to)
    x = case.tensor(kind, shape, scale, own)
    y = case.tensor(to, shape, made * factor, made_zero if zero is None else zero)
    case.operator(code, [x], [y], options, **fields)
    return x, y


def torn(a, b, limit):
    """Factors of scales of which single and double precision give different results, and the integers that show it."""
    values = np.arange(-limit, limit, dtype=np.int64)
    results = [values * fixed_point(factor) + (1 << 39) >> 40 for factor in (float(a) / float(b), float(a / b))]
    return values[(results[0] != results[1]) & (np.abs(results[0]) < 30000)]


def fixed_point(factor):
    """A factor from 2^-9 to 1 in units of 2^-40, of 31 significant bits."""
    mantissa, exponent = np.frexp(factor)
    return int(np.round(mantissa * 2.0**31)) << (9 + exponent)


def dense_torn(case):
    """Biases alone, which a product of scales in single precision would scale otherwise."""
    while True:
        x, w = case.random.uniform(0.01, 0.1, 2).astype(np.float32)
        y = np.float32(x * w * case.random.uniform(2**8, 2**9))
        product = np.float32(x * w)
        single, double = (fixed_point(float(f) / float(y)) for f in (product, float(x) * float(w)))
        values = np.arange(-(2**15), 2**15, dtype=np.int64)
        values = values[(values * single + (1 << 39) >> 40) != (values * double + (1 << 39) >> 40)][:12]
        if len(values) > 3:
            break
    source = case.tensor("i8", [1, 1], x, 0)
    weights = case.tensor("i8", [len(values), 1], w, 0, np.ones((len(values), 1)))
    biases = case.tensor("i32", [len(values)], product, 0, values)
    result = case.tensor("i8", [1, len(values)], y, 0)
    case.operator(B.FULLY_CONNECTED, [source, weights, biases], [result], "FullyConnectedOptions")
    case.frames = np.zeros((FRAMES, 1), np.int64)
    return source, result


def unary_torn(case, code):
    """Integers which a quotient of scales in the other precision would scale otherwise."""
    values = []
    while len(values) < FRAMES:
        a = np.float32(case.random.uniform(0.0001, 0.001))
        b = np.float32(a * case.random.uniform(1.1, 3.9))
        values = torn(a, b, 32768)
        values = values[values > 0]
    x, y = case.tensor("i16", [1, 1], a, 0), case.tensor("i16", [1, 1], b, 0)
    case.operator(code, [x], [y])
    case.frames = values[:FRAMES, None]
    return x, y


def softmax(case):
    x = case.tensor("i8", [1, 9], 0.09, -3)
    y = case.tensor("i8", [1, 9], 1 / 256, -128)
    case.operator(B.SOFTMAX, [x], [y], "SoftmaxOptions", beta=1.0)
    return x, y


def moved(case, kind, code, shape, made, options, operands=(), **fields):
    scale, zero = scales(kind)
    x = case.tensor(kind, shape, scale, zero)
    more = [case.tensor("i32", np.shape(value), data=value) for value in operands]
    y = case.tensor(kind, made, scale, zero)
    case.operator(code, [x, *more], [y], options, **fields)
    return x, y


def reshaped(case, x, kind, shape, code=B.RESHAPE, operand=None, options=None, **fields):
    """The same integers under another shape, by an operator with a constant operand of its own."""
    scale, zero = case.tensors[x].quantization.scale[0], case.tensors[x].quantization.zeroPoint[0]
    operands = [x]
    if operand is not False:
        value = np.array(shape if operand is None else operand)
        operands.append(case.tensor("i32", value.shape, data=value))
    y = case.tensor(kind, shape, scale, zero)
    case.operator(code, operands, [y], options, **fields)
    return y


def computed_shape(case, x, rest):
    """The shape of x's batch and what comes behind it, computed as Keras has it computed for an open batch."""
    shape = case.tensor("i32", [len(case.tensors[x].shape)])
    case.operator(B.SHAPE, [x], [shape], "ShapeOptions", outType=tfl.TensorType.INT32)
    ends = [case.tensor("i32", [1], data=np.array([end])) for end in (0, 1, 1)]
    batch = case.tensor("i32", [])
    case.operator(B.STRIDED_SLICE, [shape, *ends], [batch], "StridedSliceOptions", shrinkAxisMask=1)
    rest = [case.tensor("i32", [], data=np.array(extent)) for extent in rest]
    packed = case.tensor("i32", [1 + len(rest)])
    case.operator(B.PACK, [batch, *rest], [packed], "PackOptions", valuesCount=1 + len(rest), axis=0)
    return packed


def flattened(case, product):
    """A flatten whose shape is computed: by PACK, or by a product of what STRIDED_SLICE leaves."""
    scale, zero = scales("i8")
    x = case.tensor("i8", [1, 3, 2, 4], scale, zero)
    if product:
        shape = case.tensor("i32", [4])
        case.operator(B.SHAPE, [x], [shape], "ShapeOptions", outType=tfl.TensorType.INT32)
        ends = [case.tensor("i32", [1], data=np.array([end])) for end in (-3, 0, 1)]
        rest = case.tensor("i32", [3])
        case.operator(B.STRIDED_SLICE, [shape, *ends], [rest], "StridedSliceOptions", endMask=1)
        axis, count = case.tensor("i32", [1], data=np.array([0])), case.tensor("i32", [])
        case.operator(B.REDUCE_PROD, [rest, axis], [count], "ReducerOptions")
        first, batch = case.tensor("i32", [1], data=np.array([0])), case.tensor("i32", [1])
        case.operator(B.GATHER, [shape, first], [batch], "GatherOptions", axis=0)
        one, vector = case.tensor("i32", [1], data=np.array([1])), case.tensor("i32", [1])
        case.operator(B.RESHAPE, [count, one], [vector], "ReshapeOptions")
        wide, narrow = case.tensor("i64", [1]), case.tensor("i32", [1])
        case.operator(B.CAST, [vector], [wide], "CastOptions")
        case.operator(B.CAST, [wide], [narrow], "CastOptions")
        shape = case.tensor("i32", [2])
        case.operator(B.CONCATENATION, [batch, narrow], [shape], "ConcatenationOptions", axis=0)
    else:
        shape = computed_shape(case, x, [24])
    flat = case.tensor("i8", [1, 24], scale, zero)
    case.operator(B.RESHAPE, [x, shape], [flat], "ReshapeOptions")
    operands, made = product_of(case, 24, [5, 24])
    y = case.tensor("i8", [1, 5], made, result_zero("i8"))
    case.operator(B.FULLY_CONNECTED, [flat, *operands], [y], "FullyConnectedOptions")
    return x, y


def product_of(case, fan_in, shape, axis=0, kind="i8"):
    return product(case, kind, "i8", "i32", True, fan_in, shape, axis, NONE)


def line(case, kind, upright, channels=3, outputs=4, kernel=3, padding=SAME, stride=1, depthwise=False):
    """A convolution over [1, width, channels]: as Conv1D is written, or of one column, then back again."""
    scale, zero = scales(kind)
    x = case.tensor(kind, [1, 9, channels], scale, zero)
    size, window = ([9, 1], [kernel, 2]) if upright else ([1, 9], [1, kernel])
    image = reshaped(case, x, kind, [1, *size, channels], B.EXPAND_DIMS, 2 if upright else 1)
    shape = [1, *window, outputs] if depthwise else [outputs, *window, channels]
    fan_in = np.prod(window) * (1 if depthwise else channels)
    operands, made = product(case, kind, "i8", "i64" if kind == "i16" else "i32", True, fan_in, shape,
                             3 if depthwise else 0, NONE)
    made_size = extent(size, window, stride, 1, padding)
    y = case.tensor(kind, [1, *made_size, outputs], made, result_zero(kind))
    fields = dict(padding=padding, strideH=stride, strideW=stride, dilationHFactor=1, dilationWFactor=1)
    if depthwise:
        case.operator(B.DEPTHWISE_CONV_2D, [image, *operands], [y], "DepthwiseConv2DOptions",
                      depthMultiplier=outputs // channels, **fields)
    else:
        case.operator(B.CONV_2D, [image, *operands], [y], "Conv2DOptions", **fields)
    if upright and not depthwise:
        lying = reshaped(case, y, kind, [1, 1, made_size[0], outputs], B.TRANSPOSE, [0, 2, 1, 3], "TransposeOptions")
        return x, reshaped(case, lying, kind, [1, made_size[0], outputs])
    return x, reshaped(case, y, kind, [1, max(made_size), outputs], B.SQUEEZE, False, "SqueezeOptions",
                       squeezeDims=[2 if upright else 1])


def line_pool(case, kind, code):
    """A pool along [1, width, channels], as MaxPooling1D and AveragePooling1D are written, then a mean of it."""
    scale, zero = scales(kind)
    x = case.tensor(kind, [1, 11, 3], scale, zero)
    column = reshaped(case, x, kind, [1, 11, 1, 3])
    pooled = case.tensor(kind, [1, 4, 1, 3], scale, zero)
    case.operator(code, [column], [pooled], "Pool2DOptions", padding=SAME, strideH=3, strideW=1, filterHeight=2,
                  filterWidth=1)
    axes = case.tensor("i32", [2], data=np.array([1, 2]))
    y = case.tensor(kind, [1, 3], scale * 0.8, zero)
    case.operator(B.MEAN, [pooled, axes], [y], "ReducerOptions", keepDims=False)
    return x, y


def line_padded(case):
    """Padding of an image of one column."""
    scale, zero = scales("i8")
    x = case.tensor("i8", [1, 6, 2], scale, zero)
    column = reshaped(case, x, "i8", [1, 6, 1, 2], B.EXPAND_DIMS, 2)
    amounts = case.tensor("i32", [4, 2], data=np.array([[0, 0], [3, 1], [0, 0], [0, 0]]))
    padded = case.tensor("i8", [1, 10, 1, 2], scale, zero)
    case.operator(B.PAD, [column, amounts], [padded], "PadOptions")
    operands, made = product_of(case, 8, [3, 4, 1, 2])
    y = case.tensor("i8", [1, 7, 1, 3], made, result_zero("i8"))
    case.operator(B.CONV_2D, [padded, *operands], [y], "Conv2DOptions", padding=VALID, strideH=1, strideW=1,
                  dilationHFactor=1, dilationWFactor=1)
    return x, y


case("flatten_open_batch", flattened, False)
case("flatten_product", flattened, True)
case("line", line, "i8", False)
case("line_stride", line, "i8", False, padding=VALID, stride=2)
case("line_i16", line, "i16", False)
case("line_upright", line, "i8", True)
case("line_upright_stride", line, "i8", True, stride=2)
case("line_upright_depthwise", line, "i8", True, depthwise=True, outputs=6)
case("line_padded", line_padded)
case("line_max", line_pool, "i8", B.MAX_POOL_2D)
case("line_average", line_pool, "i8", B.AVERAGE_POOL_2D)
case("conv_same_relu6", conv, "i8", "i8", "i32", [6, 5, 3], [3, 3], 4, stride=2, activation=RELU6)
case("conv_dilated", conv, "i8", "i8", "i32", [7, 6, 2], [2, 3], 3, dilation=2, padding=VALID)
case("conv_per_tensor", conv, "i8", "i8", "i32", [4, 4, 5], [3, 2], 3, per_channel=False, activation=RELU)
case("conv_groups", conv, "i8", "i8", "i32", [4, 3, 6], [2, 2], 4, groups=2)
case("conv_clip", conv, "i8", "i8", "i32", [3, 3, 4], [1, 1], 5, activation=CLIP)
case("conv_padded", conv, "i8", "i8", "i32", [5, 4, 2], [3, 3], 3, stride=2, padding=VALID, before=(0, 1, 1, 2))
case("conv_u8", conv, "u8", "u8", "i32", [5, 4, 3], [3, 3], 4, per_channel=False)
case("conv_i4", conv, "i8", "i4", "i32", [4, 4, 3], [3, 3], 5)
case("conv_i16", conv, "i16", "i8", "i64", [6, 5, 3], [3, 3], 4, stride=2)
case("conv_i16_relu6", conv, "i16", "i8", "i64", [4, 5, 2], [2, 2], 3, activation=RELU6)
case("conv_i16_bias32", conv, "i16", "i8", "i32", [4, 4, 2], [2, 3], 3)
case("conv_i16_valid", conv, "i16", "i8", "i64", [4, 4, 5], [3, 3], 3, padding=VALID)
case("conv_i16_per_tensor", conv, "i16", "i8", "i64", [4, 4, 3], [3, 2], 3, per_channel=False, activation=RELU)
case("depthwise_same", depthwise, "i8", "i8", "i32", [5, 6, 3], [3, 3], 2, stride=2, activation=RELU)
case("depthwise_valid", depthwise, "i8", "i8", None, [5, 4, 5], [3, 2], 1, padding=VALID)
case("depthwise_u8", depthwise, "u8", "u8", "i32", [5, 4, 3], [3, 3], 1, per_channel=False)
case("depthwise_i4", depthwise, "i8", "i4", "i32", [4, 4, 4], [3, 3], 1)
case("depthwise_i16", depthwise, "i16", "i8", "i64", [5, 6, 3], [3, 3], 2, stride=2, activation=RELU)
case("depthwise_i16_plain", depthwise, "i16", "i8", None, [4, 4, 4], [3, 3], 1)
case("dense", dense, "i8", "i8", "i32", 23, 7)
case("dense_relu", dense, "i8", "i8", "i32", 16, 9, activation=RELU)
case("dense_plain", dense, "i8", "i8", None, 20, 5)
case("dense_per_channel", dense, "i8", "i8", "i32", 21, 6, per_channel=True)
case("dense_u8", dense, "u8", "u8", "i32", 18, 6)
case("dense_i4", dense, "i8", "i4", "i32", 17, 6)
case("dense_i16", dense, "i16", "i8", "i64", 23, 7)
case("dense_i16_relu", dense, "i16", "i8", "i64", 40, 5, activation=RELU)
case("dense_i16_plain", dense, "i16", "i8", None, 15, 6)
case("dense_i16_bias32", dense, "i16", "i8", "i32", 15, 6)
case("dense_i16_per_channel", dense, "i16", "i8", "i64", 21, 6, per_channel=True)
AVERAGE, MAX = B.AVERAGE_POOL_2D, B.MAX_POOL_2D
for kind in ("i8", "u8", "i16"):
    case(f"average_{kind}", pool, kind, AVERAGE, [5, 5, 3], [3, 2], 2, SAME)
    case(f"average_relu_{kind}", pool, kind, AVERAGE, [4, 6, 2], [2, 3], 1, VALID, RELU)
    case(f"max_{kind}", pool, kind, MAX, [5, 5, 3], [3, 3], 2, SAME, RELU6)
    case(f"mean_kept_{kind}", mean, kind, [5, 3, 4], True)
    case(f"mean_{kind}", mean, kind, [3, 4, 5], False, 0.37, zero=result_zero(kind))
    case(f"mean_power_{kind}", mean, kind, [4, 4, 3], False, axes=(2, 1))
    case(f"mean_narrow_{kind}", mean, kind, [7, 7, 2], True, 0.11)
    case(f"mean_wide_{kind}", mean, kind, [2, 3, 2], True, 3.3)
    case(f"mean_rows_{kind}", mean, kind, [4, 3, 2], True, axes=(1,))
    case(f"mul_{kind}", constant, B.MUL, kind, [1, 3, 4, 3], [3])
    case(f"mul_scalar_{kind}", constant, B.MUL, kind, [1, 2, 3, 4], [1], 0.4, first=True)
    case(f"mul_vector_{kind}", constant, B.MUL, kind, [1, 7], [7], activation=RELU)
    case(f"mul_image_{kind}", constant, B.MUL, kind, [1, 4, 2, 3], [1, 1, 1, 3], activation=RELU6)
    case(f"rescale_{kind}", unary, B.QUANTIZE, kind, kind, 1.7, zero=result_zero(kind))
    case(f"rescale_finer_{kind}", unary, B.QUANTIZE, kind, kind, 0.61)
    case(f"relu_{kind}", unary, B.RELU, kind, kind, 0.8)
    case(f"relu6_{kind}", unary, B.RELU6, kind, kind, 1.0)
    case(f"concatenation_{kind}", concatenation, kind)
    s = scales(kind)[0]
    case(f"add_{kind}", add, kind, [s * 1.3, s * 0.7], s * 1.9)
    case(f"add_relu_{kind}", add, kind, [s * 0.4, s * 2.1], s * 1.1, RELU)
    for name, code in (("add", B.ADD), ("sub", B.SUB)):
        image = [1, 3, 2, 5]
        case(f"{name}_channels_{kind}", added, code, kind, image, [5], [s, s * 0.37, s * 1.1])
        case(f"{name}_to_channels_{kind}", added, code, kind, image, [1, 1, 1, 5], [s * 0.37, s, s * 1.2], RELU, True)
        case(f"{name}_scalar_{kind}", added, code, kind, image, [1], [s * 0.9, s * 0.7, s * 0.8])
        case(f"{name}_vector_{kind}", added, code, kind, [1, 6], [6], [s * 0.31, s * 0.97, s], first=True)
    case(f"sub_{kind}", add, kind, [s * 1.3, s * 0.7], s * 1.4, code=B.SUB, options="SubOptions")
    case(f"sub_relu6_{kind}", add, kind, [s * 0.4, s * 2.1], s * 1.1, RELU6, B.SUB, "SubOptions")
    case(f"resize_{kind}", moved, kind, B.RESIZE_NEAREST_NEIGHBOR, [1, 2, 3, 2], [1, 4, 9, 2],
         "ResizeNearestNeighborOptions", [np.array([4, 9])])
    if kind != "i16":
        case(f"blocks_{kind}", moved, kind, B.DEPTH_TO_SPACE, [1, 2, 3, 8], [1, 4, 6, 2], "DepthToSpaceOptions",
             blockSize=2)
case("add_powers_i16", add, "i16", [2.0**-11, 2.0**-8], 2.0**-8)
case("add_powers_relu_i16", add, "i16", [2.0**-9, 2.0**-12], 2.0**-9, RELU)
case("add_general_i16", add, "i16", [2.0**-11, 2.0**-8], 2.0**-8, potScaleInt16=False)
case("sub_powers_i16", add, "i16", [2.0**-11, 2.0**-8], 2.0**-8, code=B.SUB, options="SubOptions")
case("add_powers_constant_i16", added, B.ADD, "i16", [1, 4], [1, 4], [2.0**-8, 2.0**-11, 2.0**-8])
case("sub_powers_constant_i16", added, B.SUB, "i16", [1, 4], [1, 4], [2.0**-11, 2.0**-8, 2.0**-8], first=True)
case("to_i8", unary, B.QUANTIZE, "i16", "i8")
case("to_i16", unary, B.QUANTIZE, "i8", "i16")
case("to_u8", unary, B.QUANTIZE, "i8", "u8")
case("from_u8", unary, B.QUANTIZE, "u8", "i8", 0.9)
case("softmax", softmax)
case("dense_torn", dense_torn)
case("relu_torn", unary_torn, B.RELU)
case("rescale_torn", unary_torn, B.QUANTIZE)


def make(name):
    build, arguments, options = CASES[name]
    case = Case(name)
    x, y = build(case, *arguments, **options)
    model = case.bytes(x, y)
    run = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    run.allocate_tensors()
    source, result = run.get_input_details()[0], run.get_output_details()[0]
    limits = np.iinfo(source["dtype"])
    frames = case.random.integers(limits.min, limits.max, (FRAMES, *source["shape"][1:]), endpoint=True)
    frames[0], frames[1] = limits.min, limits.max
    if case.frames is not None:
        frames = case.frames
    results = []
    for frame in frames.astype(source["dtype"]):
        run.set_tensor(source["index"], frame[None])
        run.invoke()
        results.append(run.get_tensor(result["index"]).ravel().copy())
    return model, frames.astype(source["dtype"]).reshape(FRAMES, -1), np.array(results)


def main():
    arrays = {}
    for name in CASES:
        try:
            model, x, y = make(name)
        except (RuntimeError, ValueError) as error:
            print(f"{name}: the interpreter refuses it: {str(error).strip().splitlines()[-1]}", file=sys.stderr)
            continue
        print(f"{name}: {len(np.unique(y))} values from {y.min()} to {y.max()}")
        arrays |= {f"{name}__model": np.frombuffer(model, np.uint8), f"{name}__x": x, f"{name}__y": y}
    np.savez_compressed(pathlib.Path(__file__).with_name("kernels.npz"), **arrays)


if __name__ == "__main__":
    main()
