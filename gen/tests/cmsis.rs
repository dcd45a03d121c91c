//! CMSIS-NN's own test cases of 16-, 8- and 4-bit layers, described as an importer would and run by the golden model:
//! every bit of `output_ref`. The cases lie beside the repository where there are any; else the test skips.

#[expect(dead_code, reason = "the cases need none of the shorter writers")]
mod numpy;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use netetch::desc::WeightFiles;
use netetch::golden::Golden;
use netetch::{desc, lower};
use numpy::{npy, npz};
use serde_json::Value;

/// A case: its configuration and its arrays.
struct Case {
    name: String,
    config: BTreeMap<String, i64>,
    arrays: BTreeMap<String, Vec<i64>>,
    /// Whether activations have 16 bits.
    wide: bool,
    /// Whether biases have 64 bits.
    long: bool,
}

/// A network that computes a case, its frames, and what must come out.
struct Network {
    input: String,
    layers: String,
    weights: Vec<(&'static str, Vec<usize>, Vec<i64>)>,
    frames: Array2<i32>,
    expected: Vec<i64>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/models/cmsis_nn_cases")
}

fn cases() -> Vec<Case> {
    let text = fs::read_to_string(folder().join("cases.json")).unwrap();
    let all: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let (archive, mut files) = (folder().join("cases.npz"), WeightFiles::default());
    let mut case = |(name, value): (String, Value)| {
        let config = value["config"].as_object().unwrap().iter();
        let config = config.filter_map(|(key, value)| Some((key.clone(), value.as_i64()?))).collect();
        let (mut arrays, mut wide, mut long) = (BTreeMap::new(), false, false);
        for (array, kind) in value["arrays"].as_object().unwrap() {
            let file = format!("{name}__{array}");
            wide |= kind[0] == "int16" && array.starts_with("input");
            long |= kind[0] == "int64";
            if matches!(kind[0].as_str(), Some("int8" | "int16" | "int32" | "int64")) {
                arrays.insert(array.clone(), files.read(&archive, &file).unwrap().integers().unwrap());
            }
        }
        Case { name, config, arrays, wide, long }
    };
    all.into_iter().map(&mut case).collect()
}

impl Case {
    fn get(&self, key: &str) -> i64 {
        *self.config.get(key).unwrap_or_else(|| panic!("{} has no {key}", self.name))
    }

    fn offset(&self, key: &str) -> i64 {
        self.config.get(key).copied().unwrap_or(0)
    }

    fn array(&self, keys: &[&str]) -> Option<&Vec<i64>> {
        keys.iter().find_map(|&key| self.arrays.get(key)).filter(|array| !array.is_empty())
    }

    fn is_int4(&self) -> bool {
        self.name.contains("int4")
    }

    fn is_depthwise(&self) -> bool {
        self.name.contains("depthwise") || self.config.contains_key("CH_MULT")
    }

    /// Why it is not run; `None` if it is.
    fn left_out(&self) -> Option<&'static str> {
        let has = |part: &str| self.name.contains(part);
        for (part, why) in [
            ("transpose", "transposed convolution and transposition"),
            ("matmul", "products of two activations"),
            ("maximum", "the greater of two tensors"),
            ("minimum", "the lesser of two tensors"),
            ("lstm", "recurrent layers"),
            ("svdf", "recurrent layers"),
            ("pad_int8", "padding alone"),
            ("ds_cnn", "whole networks"),
            ("softmax_s16", "softmax of 16 bits"),
            ("softmax_s8_s16", "softmax of 16 bits"),
        ] {
            if has(part) {
                return Some(why);
            }
        }
        if self.name.starts_with("mul") {
            return Some("products of two activations");
        }
        // Only of `basic_int4` is what both revisions share that of one of them: the first's.
        let is_twofold = self.arrays.contains_key("weights") && self.arrays.contains_key("input_weights");
        if is_twofold && self.name != "basic_int4" {
            return Some("arrays of two revisions of the case, which do not belong together");
        }
        let needed = |depth: &i64| self.get("OUT_CH") * depth;
        let is_whole = |needed: i64| {
            let spare = self.weights().len() as i64 - needed;
            spare == 0 || (self.is_int4() && spare == 1)
        };
        let own = self.config.get("ACCUMULATION_DEPTH").map(needed).is_none_or(is_whole);
        (!own).then_some("weights of another case")
    }

    /// The weights, two of four bits to a byte where they are packed.
    fn weights(&self) -> Vec<i64> {
        let raw = self.array(&["weights", "input_weights"]).unwrap();
        if !self.is_int4() {
            return raw.clone();
        }
        let nibble = |value: i64| if value > 7 { value - 16 } else { value };
        raw.iter().flat_map(|byte| [nibble(byte & 15), nibble(byte >> 4 & 15)]).collect()
    }

    fn frames(&self, array: &str, elements: i64) -> Array2<i32> {
        let values: Vec<i32> = self.arrays[array].iter().map(|&value| value as i32).collect();
        Array2::from_shape_vec((values.len() / elements as usize, elements as usize), values).unwrap()
    }

    /// Multipliers and right shifts, in all or for each output: of sums of 64 bits 15 bits.
    fn scaling(&self) -> (Vec<i64>, Vec<i64>) {
        let (mult, shift) = match self.array(&["output_mult", "output_multiplier"]) {
            Some(mult) => (mult.clone(), self.arrays["output_shift"].clone()),
            None => (vec![self.get("OUTPUT_MULTIPLIER")], vec![self.get("OUTPUT_SHIFT")]),
        };
        let reduced = |mult: i64| if mult < 0x7fff_0000 { (mult + (1 << 15)) >> 16 } else { 0x7fff };
        match self.is_reduced() {
            true => (mult.into_iter().map(reduced).collect(), shift.iter().map(|shift| 15 - shift).collect()),
            false => (mult, shift.iter().map(|shift| 31 - shift).collect()),
        }
    }

    fn is_reduced(&self) -> bool {
        self.long
    }

    /// How activations are written, and the least and the greatest.
    fn format(&self) -> (&'static str, i64, i64) {
        if self.wide { ("s16", -32_768, 32_767) } else { ("s8", -128, 127) }
    }

    fn output(&self) -> String {
        let or = |key: &str, absent: i64| self.config.get(key).copied().unwrap_or(absent);
        let (format, low, high) = self.format();
        let rounding = if self.is_reduced() { "half_up" } else { "tflite_double" };
        format!(
            "output: {{format: {format}, mult: mult, shift: shift, rounding: {rounding}, zero: {}, limits: [{}, {}]}}",
            or("OUTPUT_OFFSET", 0),
            or("OUT_ACTIVATION_MIN", low).max(low),
            or("OUT_ACTIVATION_MAX", high).min(high)
        )
    }

    /// Convolutions of all kinds, and fully connected layers.
    fn product(&self) -> Network {
        let is_dense = self.config.contains_key("ACCUMULATION_DEPTH");
        let (outputs, offset) = (self.get("OUT_CH"), self.offset("INPUT_OFFSET"));
        let (shape, kernel, header) = if is_dense { self.dense_header() } else { self.conv_header() };
        let columns: i64 = kernel.iter().product();
        let filter_offset = self.config.get("FILTER_OFFSET").copied().unwrap_or(0);
        let own = self.weights();
        let weight = |output: i64, column: i64| {
            let at = if self.is_depthwise() { column * outputs + output } else { output * columns + column };
            own[at as usize] + filter_offset
        };
        let rows = |output: i64| (0..columns).map(move |column| (output, column));
        let weights: Vec<i64> = (0..outputs).flat_map(rows).map(|(o, c)| weight(o, c)).collect();
        let biases = self.array(&["biases", "input_bias", "bias"]);
        let bias = |output: i64| {
            let sum: i64 = (0..columns).map(|column| weight(output, column)).sum();
            biases.map_or(0, |biases| biases[output as usize]) + offset * sum
        };
        let (mult, shift) = self.scaling();
        let (count, mults, shifts) = (outputs as usize, mult.len(), shift.len());
        let mut extents = vec![count];
        extents.extend(kernel.iter().map(|&extent| extent as usize));
        Network {
            input: format!("{{shape: {shape:?}, format: {}, zero: {}}}", self.format().0, -offset),
            layers: format!(
                "  - {{name: layer, {header}, outputs: {outputs}, weights: {{codes: w, scheme: dfp-9}}, bias: bias, {}}}\n",
                self.output()
            ),
            weights: vec![
                ("w", extents, weights),
                ("bias", vec![count], (0..outputs).map(bias).collect()),
                ("mult", vec![mults], mult),
                ("shift", vec![shifts], shift),
            ],
            frames: self.frames("input", shape.iter().product()),
            expected: self.array(&["output_ref", "output"]).unwrap().clone(),
        }
    }

    fn dense_header(&self) -> (Vec<i64>, Vec<i64>, String) {
        let depth = self.get("ACCUMULATION_DEPTH");
        (vec![depth], vec![depth], "op: dense".into())
    }

    fn conv_header(&self) -> (Vec<i64>, Vec<i64>, String) {
        let channels = self.get("IN_CH");
        let own =
            if self.is_depthwise() { 1 } else { self.config.get("FILTER_CH").copied().unwrap_or(channels) };
        let kernel = [self.get("FILTER_Y"), self.get("FILTER_X")];
        let dilation = [self.get("DILATION_Y"), self.get("DILATION_X")];
        let stride = [self.get("STRIDE_Y"), self.get("STRIDE_X")];
        let size = [self.get("INPUT_H"), self.get("INPUT_W")];
        let pads = [self.get("PAD_Y"), self.get("PAD_X")];
        let outputs = [self.get("OUTPUT_H"), self.get("OUTPUT_W")];
        let spans = [0, 1].map(|axis| (kernel[axis] - 1) * dilation[axis] + 1);
        let header = format!(
            "op: conv2d, kernel: {kernel:?}, stride: {stride:?}, dilation: {dilation:?}, groups: {}, {}, pad_value: {}",
            channels / own,
            padding(size, pads, spans, stride, outputs),
            -self.offset("INPUT_OFFSET")
        );
        (vec![size[0], size[1], channels], vec![kernel[0], kernel[1], own], header)
    }

    fn pool(&self, op: &str) -> Network {
        let kernel = [self.get("FILTER_H"), self.get("FILTER_W")];
        let stride = [self.get("STRIDE_H"), self.get("STRIDE_W")];
        let size = [self.get("INPUT_H"), self.get("INPUT_W")];
        let pads = [self.get("PADDING_H"), self.get("PADDING_W")];
        let outputs = [self.get("OUTPUT_H"), self.get("OUTPUT_W")];
        let shape = [size[0], size[1], self.get("INPUT_C")];
        let mut layers = format!(
            "  - {{name: pool, op: {op}, kernel: {kernel:?}, stride: {stride:?}, {}}}\n",
            padding(size, pads, kernel, stride, outputs)
        );
        let limits = [self.get("ACTIVATION_MIN"), self.get("ACTIVATION_MAX")];
        writeln!(
            layers,
            "  - {{name: clamp, op: requantize, output: {{format: {}, shift: 0, limits: {limits:?}}}}}",
            self.format().0
        )
        .unwrap();
        Network {
            input: format!("{{shape: {shape:?}, format: {}}}", self.format().0),
            layers,
            weights: Vec::new(),
            frames: self.frames("input_tensor", shape.iter().product()),
            expected: self.arrays["output"].clone(),
        }
    }

    /// Both operands are channels of one input.
    fn sum(&self) -> Network {
        let operand = |index: usize| {
            format!(
                "{{from: x{index}, bias: {}, left: {}, mult: {}, shift: {}, rounding: tflite_double}}",
                self.offset(&format!("INPUT{index}_OFFSET")),
                self.get("LEFT_SHIFT"),
                self.get(&format!("INPUT{index}_MULT")),
                31 - self.get(&format!("INPUT{index}_SHIFT"))
            )
        };
        let pick = |index: usize| {
            format!(
                "  - {{name: x{index}, op: conv2d, input: input, outputs: 1, kernel: 1, weights: {{codes: w{index}, scheme: ternary}}}}\n"
            )
        };
        let mut layers = pick(1) + &pick(2);
        writeln!(
            layers,
            "  - {{name: sum, op: add, inputs: [{}, {}], output: {{format: {}, mult: {}, shift: {}, rounding: tflite_double, zero: {}, limits: [{}, {}]}}}}",
            operand(1),
            operand(2),
            self.format().0,
            self.get("OUTPUT_MULT"),
            31 - self.get("OUTPUT_SHIFT"),
            self.offset("OUTPUT_OFFSET"),
            self.get("OUT_ACTIVATION_MIN"),
            self.get("OUT_ACTIVATION_MAX")
        )
        .unwrap();
        let pairs = self.arrays["input1"].iter().zip(&self.arrays["input2"]);
        let values: Vec<i32> = pairs.flat_map(|(&a, &b)| [a as i32, b as i32]).collect();
        Network {
            input: format!("{{shape: [1, {}, 2], format: {}}}", values.len() / 2, self.format().0),
            layers,
            weights: vec![("w1", vec![1, 1, 1, 2], vec![1, 0]), ("w2", vec![1, 1, 1, 2], vec![0, 1])],
            frames: Array2::from_shape_vec((1, values.len()), values).unwrap(),
            expected: self.arrays["output_ref"].clone(),
        }
    }

    fn softmax(&self) -> Network {
        let scale = self.get("INPUT_MULT") as f64 * 2_f64.powi(self.get("INPUT_LEFT_SHIFT") as i32 - 31 - 26);
        Network {
            input: format!("{{shape: [{}], format: s8, scale: {scale:e}}}", self.get("ROW_SIZE")),
            layers: "  - {name: p, op: softmax}\n".into(),
            weights: Vec::new(),
            frames: self.frames("input", self.get("ROW_SIZE")),
            expected: self.arrays["output_ref"].clone(),
        }
    }

    fn network(&self) -> Network {
        match self.name.as_str() {
            name if name.starts_with("add") => self.sum(),
            "softmax" => self.softmax(),
            name if name.starts_with("avgpooling") => self.pool("average_pool, rounding: half_away"),
            name if name.starts_with("maxpool") => self.pool("max_pool"),
            _ => self.product(),
        }
    }
}

/// As much padding as the outputs need.
fn padding(size: [i64; 2], before: [i64; 2], span: [i64; 2], stride: [i64; 2], outputs: [i64; 2]) -> String {
    let after = [0, 1].map(|axis: usize| {
        ((outputs[axis] - 1) * stride[axis] + span[axis] - size[axis] - before[axis]).max(0)
    });
    format!("padding: {{top: {}, bottom: {}, left: {}, right: {}}}", before[0], after[0], before[1], after[1])
}

/// The first element that differs.
fn difference(network: &Network) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let array = |(name, shape, values): &(&'static str, Vec<usize>, Vec<i64>)| {
        let shape: String = shape.iter().map(|extent| format!("{extent}, ")).collect();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        (*name, npy("'<i8'", &format!("({shape})"), &bytes))
    };
    let arrays: Vec<(&str, Vec<u8>)> = network.weights.iter().map(array).collect();
    fs::write(folder.path().join("w.npz"), npz(&arrays)).unwrap();
    let path = folder.path().join("net.yaml");
    let Network { input, layers, frames, expected, .. } = network;
    fs::write(&path, format!("netetch: 1\nname: net\nweights: w.npz\ninput: {input}\nlayers:\n{layers}"))
        .unwrap();
    let graph = match desc::read(&path).and_then(|description| lower::lower(&description)) {
        Ok(graph) => graph,
        Err(error) => return Some(format!("{error}\n{layers}")),
    };
    let found = Golden::new(&graph).run(frames.view()).unwrap();
    if found.len() != expected.len() {
        return Some(format!("{} elements instead of {}", found.len(), expected.len()));
    }
    let at = found.iter().zip(expected).position(|(found, expected)| found != expected)?;
    Some(format!("element {at}: {} instead of {}", found.iter().nth(at).unwrap(), expected[at]))
}

#[test]
fn every_case_comes_out_bit_by_bit() {
    if !folder().exists() {
        println!("skipped: no CMSIS-NN cases beside the repository");
        return;
    }
    let mut left_out: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let (mut run, mut wrong) = (0, Vec::new());
    for case in cases() {
        if let Some(why) = case.left_out() {
            left_out.entry(why).or_default().push(case.name);
            continue;
        }
        run += 1;
        if let Some(difference) = difference(&case.network()) {
            wrong.push(format!("{}: {difference}", case.name));
        }
    }
    for (why, names) in &left_out {
        println!("left out, {why}: {}", names.join(", "));
    }
    println!("{run} cases run");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(run >= 118, "only {run} cases were run");
}

/// A case that was changed is noticed.
#[test]
fn a_forged_case_differs() {
    if !folder().exists() {
        println!("skipped: no CMSIS-NN cases beside the repository");
        return;
    }
    let case = cases().into_iter().find(|case| case.name == "depthwise_dilation").unwrap();
    let mut network = case.network();
    assert_eq!(difference(&network), None);
    network.expected[7] ^= 1;
    assert!(difference(&network).unwrap().starts_with("element 7:"));
}
