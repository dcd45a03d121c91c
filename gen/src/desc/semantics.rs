//! What no schema can say: names, and keys that need or exclude each other.

use std::collections::HashSet;

use crate::error::{Error, Faults, Place};

use super::identifiers::{is_inner, module_fault, name_fault};
use super::structure::nearest;
use super::types::{Activation, Arithmetic, Bias, Layer, Operand, Output, Rounding, ScaledOperand, Weights};
use super::{Description, references};

/// An input of more elements than this is refused.
const GREATEST_INPUT: u64 = 1 << 28;

/// Adds what is wrong with the parts whose structure is right. An input that is wrong is taken out, and the layers
/// that are, marked.
pub(super) fn check(description: &mut Description, faults: &mut Faults) {
    let mut checker = Checker { description, faults, faulty: HashSet::new() };
    checker.names();
    let input_is_right = checker.input();
    let names = checker.names_of_layers();
    checker.layers(&names);
    references::check(checker.description, &names, checker.faults);
    checker.hardware(&names);
    description.faulty = checker.faulty;
    if !input_is_right {
        description.network.input = None;
    }
}

struct Checker<'a> {
    description: &'a Description,
    faults: &'a mut Faults,
    faulty: HashSet<usize>,
}

impl Checker<'_> {
    fn at(&mut self, place: Place, error: Error) {
        self.faults.push(error.at(place));
    }

    fn at_layer(&mut self, index: usize, keys: &[&str], error: Error) {
        self.faulty.insert(index);
        self.at(self.description.place_in_layer(index, keys), error);
    }

    fn names(&mut self) {
        let network = &self.description.network;
        if let Some(error) = network.name.as_deref().and_then(module_fault) {
            self.at(self.description.place(&["name"]), error);
        }
        if let Some(input) = &network.input
            && input.name != "input"
            && let Some(error) = name_fault(&input.name)
        {
            self.at(self.description.place(&["input", "name"]), error);
        }
    }

    /// Whether the input has a shape that an input can have.
    fn input(&mut self) -> bool {
        let Some(input) = &self.description.network.input else { return false };
        let elements = input.shape.iter().try_fold(1_u64, |product, &extent| product.checked_mul(extent));
        let too_many = elements.is_none_or(|elements| elements > GREATEST_INPUT);
        if too_many {
            let error = Error::input(format!(
                "found an input of the shape {:?}; expected at most {GREATEST_INPUT} elements",
                input.shape
            ));
            self.at(self.description.place(&["input", "shape"]), error);
        }
        let of_two = input.shape.len() == 2;
        if of_two {
            let error = Error::input(format!("found the input shape {:?}", input.shape))
                .mend("write [elements] or [height, width, channels]");
            self.at(self.description.place(&["input", "shape"]), error);
        }
        !too_many && !of_two
    }

    fn layers(&mut self, names: &[Option<String>]) {
        let network = &self.description.network;
        let all: HashSet<&str> = network
            .input
            .iter()
            .map(|input| &input.name)
            .chain(names.iter().flatten())
            .map(|name| &name[..])
            .collect();
        let mut before: HashSet<&str> = network.input.iter().map(|input| &input.name[..]).collect();
        for (index, layer) in network.layers.iter().enumerate() {
            if let Some(name) = &names[index] {
                self.layer_name(index, name, &before, &all);
                before.insert(name);
            }
            if let Some(layer) = layer.arithmetic() {
                self.arithmetic(index, layer);
            }
            self.joins(index, layer);
            let pooled = match layer {
                Layer::AveragePool(pool) => Some(pool.rounding),
                Layer::GlobalAveragePool(pool) => Some(pool.rounding),
                _ => None,
            };
            if let Some(error) = pooled.and_then(underived) {
                self.at_layer(index, &["rounding"], error);
            }
            if let Layer::AveragePool(pool) = layer
                && pool.pad_value.is_some()
                && !pool.count_padding
                && self.description.is_certain_in_layer(index, &["count_padding"])
            {
                let error = Error::input("found `pad_value` of an average that counts no padding")
                    .mend("leave it out, or say `count_padding: true`");
                self.at_layer(index, &["pad_value"], error);
            }
        }
    }

    fn joins(&mut self, index: usize, layer: &Layer) {
        for (operand, scaled) in layer.scaled_operands().iter().enumerate() {
            if let Operand::Scaled(scaled) = scaled
                && let Some(error) = operand_fault(scaled, matches!(layer, Layer::Concat(_)))
            {
                self.faulty.insert(index);
                self.at(self.description.place_of_operand(index, operand), error);
            }
        }
        if let Layer::Add(add) = layer
            && add.inputs.len() == 1
            && add.bias.is_none()
            && self.description.is_certain_in_layer(index, &["bias"])
        {
            let error =
                Error::input("found a list of 1 as `inputs`; expected a list of at least 2, or a `bias`");
            self.at_layer(index, &["inputs"], error);
        }
        if let Layer::Concat(concat) = layer
            && concat.output.is_none()
            && self.description.is_certain_in_layer(index, &["output"])
            && concat.inputs.iter().any(|operand| matches!(operand, Operand::Scaled(own) if own.is_scaled()))
        {
            let error = Error::input("found a scaled operand, but no format to bring it to")
                .mend("add `output: {format: …}`");
            self.at_layer(index, &["inputs"], error);
        }
    }

    /// As they are written, also of a layer that is not understood.
    fn names_of_layers(&self) -> Vec<Option<String>> {
        let layers = 0..self.description.network.layers.len();
        layers.map(|index| self.description.place_in_layer(index, &[]).layer).collect()
    }

    fn layer_name(&mut self, index: usize, name: &str, before: &HashSet<&str>, all: &HashSet<&str>) {
        if let Some(error) = name_fault(name) {
            self.at_layer(index, &["name"], error);
        }
        if before.contains(name) {
            let error = Error::input(format!("found the name `{name}` twice"))
                .mend("give the input and each layer a name of its own");
            self.at_layer(index, &["name"], error);
        }
        let is_inner_step = |(end, _)| is_inner(&name[end..]) && all.contains(&name[..end]);
        if name.match_indices('_').any(is_inner_step) {
            let error = Error::input(format!("found the layer name `{name}`"))
                .mend("the endings _acc, _pre and _in0 … name the inner steps of a layer: choose another");
            self.at_layer(index, &["name"], error);
        }
    }

    fn arithmetic(&mut self, index: usize, layer: Arithmetic<'_>) {
        let lacks_output = layer.output.is_none() && self.description.is_certain_in_layer(index, &["output"]);
        let mut fault = |keys: &[&str], error: Error| self.at_layer(index, keys, error);
        if let Some(weights) = layer.weights {
            self::weights(weights, &mut fault);
        }
        if let Some(Bias::Full(bias)) = layer.bias
            && bias.codes.is_some() == bias.values.is_some()
        {
            fault(&["bias"], codes_or_values());
        }
        if layer.batch_norm.is_some() && (lacks_output || layer.output.is_some_and(Output::is_spelled_out)) {
            let found = match layer.output {
                Some(_) => "found a batch norm beside a scaling spelled out in integers",
                None => "found a batch norm, but no output format to fold it into",
            };
            fault(
                &["batch_norm"],
                Error::input(found)
                    .mend("give `output` a `format` and an `exp`, and leave shift, mult and thresholds to be derived"),
            );
        }
        if let Activation::Clip([low, high]) = layer.activation
            && low > high
        {
            fault(
                &["activation"],
                Error::input(format!("found the clip from {low} to {high}; expected low before high")),
            );
        }
        if let Some(output) = layer.output {
            self::output(output, layer, &mut fault);
        } else if lacks_output && !matches!(layer.activation, Activation::None) {
            fault(
                &["activation"],
                Error::input("found an activation, but no output format")
                    .mend("add `output: {format: …, …}`, or leave the activation out for raw accumulators"),
            );
        }
    }

    fn hardware(&mut self, names: &[Option<String>]) {
        if names.is_empty() || names.contains(&None) {
            return;
        }
        let names: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
        for name in self.description.hardware.folding.keys().filter(|name| !names.contains(&name.as_str())) {
            let error = Error::input(format!("found a folding of `{name}`, which is no layer"));
            let error = match nearest(name, names.iter().copied()) {
                Some(near) => error.mend(format!("did you mean `{near}`?")),
                None => error,
            };
            self.at(self.description.place(&["hardware", "folding", name]), error);
        }
    }
}

/// What is wrong with a rounding where nothing is derived.
fn underived(rounding: Rounding) -> Option<Error> {
    (!rounding.is_native()).then(|| {
        Error::input(
            "found a rounding that only a derived scaling has",
        )
        .mend("use half_up, floor, half_even, half_away or toward_zero; or let an `output` be derived from `exp` or `scale`")
    })
}

fn operand_fault(operand: &ScaledOperand, in_concat: bool) -> Option<Error> {
    if let Some(error) = underived(operand.rounding) {
        return Some(error);
    }
    if operand.rounding == Rounding::TfliteDouble && operand.mult.is_none() {
        let error = Error::input("found tflite_double without a multiplier");
        return Some(error.mend("it is defined for `mult`: add it, or use another rounding"));
    }
    (in_concat && operand.format.is_some()).then(|| {
        let error = Error::input("found `format` of an operand of concat");
        error.mend("all operands have the format of `output`: leave it out")
    })
}

fn codes_or_values() -> Error {
    Error::input("expected either `codes` (integers) or `values` (real numbers), and not both")
}

fn weights(weights: &Weights, fault: &mut impl FnMut(&[&str], Error)) {
    if weights.is_float() {
        let integer = [
            ("codes", weights.codes.is_some()),
            ("exp", weights.exp.is_some()),
            ("scale", weights.scale.is_some()),
            ("quantizer", weights.quantizer.is_some()),
        ];
        for (key, _) in integer.iter().filter(|(_, given)| *given) {
            let error = Error::input(format!("found `{key}` of float weights"));
            fault(&["weights", key], error.mend("leave it out: float weights are `values` alone"));
        }
    }
    if weights.codes.is_some() == weights.values.is_some() {
        fault(&["weights"], codes_or_values());
    }
    if weights.codes.is_some() && weights.quantizer.is_some() {
        fault(
            &["weights", "quantizer"],
            Error::input("found a quantizer for integer codes")
                .mend("it serves real `values` only: leave it out"),
        );
    }
    if weights.values.is_some()
        && weights.quantizer.is_some()
        && (weights.exp.is_some() || weights.scale.is_some())
    {
        fault(
            &["weights", "quantizer"],
            Error::input("found a quantizer as well as the scale it would find")
                .mend("leave one of them out"),
        );
    }
}

/// A format that is still to be chosen has no integers to speak of.
fn float_output(output: &Output, fault: &mut impl FnMut(&[&str], Error)) {
    let integer = [
        ("exp", output.exp.is_some()),
        ("scale", output.scale.is_some()),
        ("shift", output.shift.is_some()),
        ("mult", output.mult.is_some()),
        ("thresholds", output.thresholds.is_some()),
        ("first", output.first.is_some()),
        ("step", output.step.is_some()),
        ("limits", output.limits.is_some()),
        ("zero", output.zero != 0),
    ];
    for (key, _) in integer.iter().filter(|(_, given)| *given) {
        let error = Error::input(format!("found `{key}` of a float result"));
        fault(&["output", key], error.mend("leave it out, or choose an integer format"));
    }
}

fn output(output: &Output, layer: Arithmetic<'_>, fault: &mut impl FnMut(&[&str], Error)) {
    if output.is_float() {
        return float_output(output, fault);
    }
    let mut wrong =
        |key: &str, message: &str, mend: &str| fault(&["output", key], Error::input(message).mend(mend));
    if output.thresholds.is_some() {
        for (key, given) in [("shift", output.shift.is_some()), ("mult", output.mult.is_some())] {
            if given {
                wrong(key, &format!("found `{key}` beside `thresholds`"), "thresholds say all: leave it out");
            }
        }
        if output.first.is_none() {
            wrong(
                "thresholds",
                "found thresholds, but no value below the first",
                "add `first`, such as `first: 0`",
            );
        }
        if !matches!(layer.activation, Activation::None) {
            wrong(
                "thresholds",
                "found thresholds as well as an activation",
                "thresholds say all: leave the activation out",
            );
        }
    } else {
        for (key, given) in [("first", output.first.is_some()), ("step", output.step.is_some())] {
            if given {
                wrong(key, &format!("found `{key}` without `thresholds`"), "leave it out");
            }
        }
    }
    if output.mult.is_some() && output.shift.is_none() {
        wrong("mult", "found a multiplier without a shift", "add `shift`");
    }
    let is_bipolar = output.format == "bipolar";
    if !output.is_spelled_out() && output.exp.is_none() && output.scale.is_none() && !is_bipolar {
        fault(
            &["output"],
            Error::input("found no way from accumulators to this format").mend(
                "add `shift`, `mult` and `shift`, `thresholds`, or the unit (`exp`, `scale`) to derive them from",
            ),
        );
    } else if (output.shift.is_some() || output.mult.is_some()) && is_bipolar {
        fault(
            &["output", "shift"],
            Error::input("found a shift to a bipolar result; rounding can give 0, which bipolar lacks")
                .mend("leave the shift out: the sign is taken"),
        );
    }
    let mut wrong =
        |key: &str, message: &str, mend: &str| fault(&["output", key], Error::input(message).mend(mend));
    if output.is_spelled_out() && output.derive != super::types::Derive::Auto {
        wrong(
            "derive",
            "found `derive` beside a scaling spelled out",
            "leave it out, or leave shift, mult and thresholds out",
        );
    }
    if is_bipolar && output.zero != 0 {
        wrong("zero", "found `zero` of a bipolar result", "leave it out: the sign is taken");
    }
    let keeps_sign = matches!(layer.activation, Activation::None)
        || matches!(layer.activation, Activation::Clip([low, high]) if *low < 0.0 && *high >= 0.0);
    if is_bipolar && output.thresholds.is_none() && !keeps_sign {
        wrong(
            "format",
            "found a bipolar result of an activation that changes the sign",
            "leave the activation out: the sign is taken",
        );
    }
    let table = matches!(
        layer.activation,
        Activation::Sigmoid | Activation::Tanh | Activation::SigmoidOf(_) | Activation::TanhOf(_)
    );
    if table && output.exp.is_none() && output.scale.is_none() {
        wrong(
            "format",
            "found a table activation without the exponent of its result",
            "add `exp` to `output`",
        );
    }
    if let Some([low, high]) = output.limits {
        limits(output, layer, low, high, fault);
    }
    if let Some(error) = underived(output.rounding).filter(|_| output.is_spelled_out()) {
        fault(&["output", "rounding"], error);
    }
    let mut wrong =
        |key: &str, message: &str, mend: &str| fault(&["output", key], Error::input(message).mend(mend));
    let wraps = output.saturation == super::types::Saturation::Wrap;
    if wraps && !matches!(layer.activation, Activation::None | Activation::Leaky(_) | Activation::Prelu(_)) {
        wrong(
            "saturation",
            "found wrapping as well as an activation that clamps",
            "use `saturation: saturate`",
        );
    }
    if output.rounding == Rounding::TfliteDouble && output.mult.is_none() {
        wrong(
            "rounding",
            "found tflite_double without a multiplier",
            "it is defined for `mult`: add it, or use another rounding",
        );
    }
}

fn limits(
    output: &Output,
    layer: Arithmetic<'_>,
    low: i64,
    high: i64,
    fault: &mut impl FnMut(&[&str], Error),
) {
    let range = output.format.parse().ok().map(|encoding: crate::fixed::Encoding| encoding.range());
    let error = if low > high {
        Error::input(format!("found the limits from {low} to {high}; expected low before high"))
    } else if range.is_some_and(|range| !range.contains(low) || !range.contains(high)) {
        Error::input(format!("found the limits from {low} to {high}, beyond the format {}", output.format))
            .mend("limits lie inside the format, `zero` included")
    } else if output.thresholds.is_some() || output.format == "bipolar" {
        Error::input("found limits of a result that thresholds or the sign decide").mend("leave them out")
    } else if !matches!(layer.activation, Activation::None) {
        Error::input("found limits as well as an activation").mend("leave one of them out")
    } else if output.saturation == super::types::Saturation::Wrap {
        Error::input("found limits of a result that wraps").mend("use `saturation: saturate`")
    } else {
        return;
    };
    fault(&["output", "limits"], error);
}
