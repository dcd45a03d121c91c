//! Which operators are read.

use netetch_schemas::onnx::NodeProto;

use crate::error::Error;
use crate::import::Numbers;

/// Operators of ONNX itself that are read.
const STANDARD: &[&str] = &[
    "Abs",
    "Add",
    "ArgMax",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "Ceil",
    "Clip",
    "Concat",
    "Constant",
    "Conv",
    "DepthToSpace",
    "Div",
    "Dropout",
    "Exp",
    "Flatten",
    "Floor",
    "Gather",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Identity",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "MatMul",
    "Max",
    "MaxPool",
    "Min",
    "Mul",
    "Neg",
    "PRelu",
    "Pad",
    "Pow",
    "Reciprocal",
    "ReduceMean",
    "Relu",
    "Reshape",
    "Resize",
    "Round",
    "Shape",
    "Sign",
    "Slice",
    "Softmax",
    "Sqrt",
    "Squeeze",
    "Sub",
    "TopK",
    "Transpose",
    "Unsqueeze",
    "Upsample",
];
/// Operators of ONNX that are read where everything is in real numbers.
const REAL: &[&str] = &["Sigmoid", "Tanh"];
/// Operators of ONNX over integers.
const INTEGER: &[&str] =
    &["ConvInteger", "DequantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul", "QuantizeLinear"];
/// Operators of QONNX and FINN, under whatever domain an exporter wrote them.
const QUANTIZED: &[&str] = &["BipolarQuant", "IntQuant", "MultiThreshold", "Quant", "Trunc"];

/// What is said of an operator that has no meaning here; `None` of others.
pub fn unsupported(node: &NodeProto, numbers: Numbers) -> Option<Error> {
    let (op, domain) = (node.op_type(), node.domain());
    let is_standard = matches!(domain, "" | "ai.onnx");
    let is_integer = QUANTIZED.contains(&op) || INTEGER.contains(&op);
    let known = match numbers {
        Numbers::Integers => {
            QUANTIZED.contains(&op) || (is_standard && (STANDARD.contains(&op) || INTEGER.contains(&op)))
        }
        Numbers::Reals => is_standard && (STANDARD.contains(&op) || REAL.contains(&op)),
    };
    if known {
        return None;
    }
    let of = if domain.is_empty() { String::new() } else { format!(" of `{domain}`") };
    Some(match numbers {
        Numbers::Integers => {
            Error::input(format!("found the operator {op}{of}, which has no integer meaning here"))
                .mend(mend_of(op))
        }
        Numbers::Reals if is_integer => {
            Error::input(format!("found the operator {op}{of}; expected real numbers alone"))
                .mend("the model has integers already: `netetch import` reads it")
        }
        Numbers::Reals => Error::input(format!("found the operator {op}{of}, which is not read"))
            .mend("take it out of the model before exporting, or write the layer as a description"),
    })
}

fn mend_of(op: &str) -> &'static str {
    match op {
        "FloatQuant" => "quantize to integers: floating-point formats have no circuit here",
        "DynamicQuantizeLinear" => "quantize statically: a scale that depends on the data has no circuit",
        "Sigmoid" | "Tanh" | "HardSigmoid" | "HardSwish" | "Gelu" | "Erf" => {
            "train with Relu or another activation that is made of straight pieces"
        }
        "LSTM" | "GRU" | "RNN" | "Loop" | "If" | "Scan" => {
            "only networks without state and branches are read"
        }
        _ => "take it out of the model before exporting, or write the layer as a description",
    }
}
