//! The graph as stable text.

use std::fmt;

use super::graph::Graph;
use super::op::{Op, Scaling, Window};
use super::softmax::Softmax;

impl fmt::Display for Graph {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "network {}", self.name)?;
        for node in self.nodes() {
            let operands: Vec<&str> = node.inputs.iter().map(|&id| self[id].name.as_str()).collect();
            writeln!(
                out,
                "  {} = {}({}) : {} {} in {}{}",
                node.name,
                node.op.name(),
                operands.join(", "),
                node.fact.shape,
                node.fact.format,
                node.fact.range,
                details(&node.op)
            )?;
        }
        let outputs: Vec<&str> = self.outputs().iter().map(|&id| self[id].name.as_str()).collect();
        writeln!(out, "  output {}", outputs.join(", "))
    }
}

fn details(op: &Op) -> String {
    match op {
        Op::Input | Op::Flatten | Op::ArgMax | Op::Add | Op::Concat => String::new(),
        Op::Dense(weights) => format!("  # {weights:?}"),
        Op::Conv2d { weights, window, groups: 1 } => format!("  # {weights:?}, {}", describe_window(window)),
        Op::Conv2d { weights, window, groups } => {
            format!("  # {weights:?}, {}, {groups} groups", describe_window(window))
        }
        Op::MaxPool(window) => format!("  # {}", describe_window(window)),
        Op::AveragePool { window, rounding, count_padding } => {
            let counting = if *count_padding { ", padding counted" } else { "" };
            format!("  # {}, {}{counting}", describe_window(window), rounding.name())
        }
        Op::Upsample([down, right]) => format!("  # {down}×{right}"),
        Op::Softmax(Softmax::Integer { softmax, in_circuit }) => {
            let place = if *in_circuit { "" } else { ", not in the circuit" };
            format!("  # multiplier {} · 2^{}{place}", softmax.multiplier, softmax.left)
        }
        Op::Softmax(Softmax::Real(unit)) => format!("  # real, {unit} a unit, not in the circuit"),
        Op::DepthToSpace { block, .. } => format!("  # blocks of {block}×{block}"),
        Op::Requantize(requantize) => {
            let scaling = match &requantize.scaling {
                Scaling::Shift(shift) => format!("shift {}", one_or_count(shift)),
                Scaling::Multiply { mult, shift, .. } => {
                    format!("mult {}, shift {}", one_or_count(mult), one_or_count(shift))
                }
            };
            format!("  # {scaling}, {}, limits {}", requantize.rounding.name(), requantize.limits)
        }
        Op::Threshold(thresholds) => format!("  # {} thresholds", thresholds.table.ncols()),
        Op::Table { entries, .. } => format!("  # {} entries", entries.len()),
    }
}

fn one_or_count<T: fmt::Display>(values: &[T]) -> String {
    match values {
        [one] => one.to_string(),
        many => format!("of {} channels", many.len()),
    }
}

fn describe_window(window: &Window) -> String {
    let mut text = format!("{}×{}", window.kernel[0], window.kernel[1]);
    if window.stride != [1, 1] {
        text += &format!(", stride {}×{}", window.stride[0], window.stride[1]);
    }
    if window.dilation != [1, 1] {
        text += &format!(", dilation {}×{}", window.dilation[0], window.dilation[1]);
    }
    if window.is_padded() {
        let ([top, bottom], [left, right]) = (window.pad_rows, window.pad_columns);
        text += &format!(", padding {top}, {bottom}, {left}, {right} of {}", window.pad_value);
    }
    text
}
