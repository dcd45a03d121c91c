//! From a network in real numbers, channels last, to a description of real numbers: formats and schemes are still to be chosen.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json, json};

use crate::desc::types::Activation;
use crate::error::{Error, Faults, Result};
use crate::import::graph::{Graph, Node, Norm, Op, Weights, Wire};
use crate::import::norm::zip;
use crate::import::sheet::Sheet;
use crate::import::tensor::Constant;
use crate::import::{Described, Options};

use super::{vector, window_keys};

/// What becomes of the sums of a layer: bias, normalization and activation, in this order.
struct Tail {
    bias: Vec<f64>,
    norm: Norm,
    activation: Activation,
    slopes: Option<Box<Constant>>,
    /// The last wire that it takes in.
    end: Wire,
}

/// An activation, and the slopes of a PReLU.
type Function = (Activation, Option<Box<Constant>>);

struct Builder<'a> {
    graph: &'a Graph,
    sheet: Sheet,
    /// The layer that makes a wire.
    made: HashMap<Wire, String>,
    taken: HashSet<Wire>,
    notes: Vec<String>,
}

/// The layers of a network whose weights are real numbers.
///
/// # Errors
/// For every node that no layer of real numbers says, all at once.
pub fn describe(graph: &Graph, options: &Options) -> Result<Described> {
    let mut builder = Builder {
        graph,
        sheet: Sheet::default(),
        made: HashMap::new(),
        taken: HashSet::new(),
        notes: Vec::new(),
    };
    let mut faults = Faults::default();
    let mut input = Json::Null;
    for (wire, node) in graph.nodes.iter().enumerate() {
        let ready = node.inputs.iter().all(|input| builder.made.contains_key(input));
        if builder.taken.contains(&wire) || !ready {
            continue;
        }
        let made = match &node.op {
            Op::Input(_) => {
                input = self::input(node, options);
                builder.made.insert(wire, "input".into());
                Ok(())
            }
            _ => builder.node(wire, node),
        };
        if let Err(error) = made {
            faults.push(error.about(&format!("node `{}` ({})", node.name, node.kind)));
        }
    }
    faults.or(())?;
    let name = |wire: &Wire| match builder.made.get(wire) {
        Some(name) if name != "input" => Ok(name.clone()),
        _ => Err(Error::input("found no layer that makes an output of the network")),
    };
    let outputs = graph.outputs.iter().map(name).collect::<Result<_>>()?;
    vector::flatten_input(&mut input, &builder.sheet.layers);
    Ok(builder.sheet.described(input, outputs, builder.notes))
}

/// Real numbers, or the integers that the user says go in.
fn input(node: &Node, options: &Options) -> Json {
    match &options.input {
        Some(input) => json!({
            "shape": node.shape,
            "format": input.format.to_string(),
            "scale": input.scale,
            "zero": input.zero,
        }),
        None => json!({ "shape": node.shape, "format": "float" }),
    }
}

impl Builder<'_> {
    fn node(&mut self, wire: Wire, node: &Node) -> Result<()> {
        let (op, kind, keys) = match &node.op {
            Op::Input(_) => return Ok(()),
            Op::MatMul(weights) => {
                let name = self.sheet.name("fc");
                return self.product(wire, node, "dense", name, weights, Map::new());
            }
            Op::Conv { weights, window, groups } => {
                let mut keys = window_keys(window)?;
                keys.insert("groups".into(), json!(groups));
                let is_depthwise = *groups > 1 && weights.codes.shape()[3] == 1;
                let name = self.sheet.name(if is_depthwise { "dw" } else { "conv" });
                return self.product(wire, node, "conv2d", name, weights, keys);
            }
            Op::Norm(..) | Op::Activation(..) => return self.standalone(wire, node),
            Op::Add => {
                let (end, activation) = self.function(wire);
                let mut keys = json!({ "inputs": self.operands(node) });
                let name = self.sheet.name("sum");
                self.activate(&name, &activation, &mut keys)?;
                if !self.is_score(end) || activation.is_some() {
                    keys["output"] = json!({ "format": "float" });
                }
                let inputs = keys["inputs"].take();
                let name = self.sheet.joined("add", &name, inputs, keys)?;
                self.made.insert(end, name);
                return Ok(());
            }
            Op::Concat(_) => {
                let name = self.sheet.name("cat");
                let name = self.sheet.joined("concat", &name, json!(self.operands(node)), json!({}))?;
                self.made.insert(wire, name);
                return Ok(());
            }
            Op::MaxPool(window) => {
                let mut keys = window_keys(window)?;
                if keys.remove("dilation") != Some(json!([1, 1])) {
                    return Err(Error::input("found a dilated max pool, which has no circuit"));
                }
                ("max_pool", "pool", Json::Object(keys))
            }
            Op::AveragePool(window, count_padding) => {
                let mut keys = window_keys(window)?;
                keys.remove("dilation");
                keys.insert("count_padding".into(), json!(count_padding));
                ("average_pool", "mean", Json::Object(keys))
            }
            Op::Upsample(factor) => ("upsample", "up", json!({ "factor": factor })),
            Op::DepthToSpace(block, adjoin) => {
                let order = if *adjoin { "crd" } else { "dcr" };
                ("depth_to_space", "blocks", json!({ "block": block, "order": order }))
            }
            Op::Softmax { .. } => {
                if !self.is_score(node.inputs[0]) {
                    return Err(Error::input("found probabilities that another layer reads")
                        .mend("softmax may only be last"));
                }
                let name = self.made[&node.inputs[0]].clone();
                self.notes.push(format!("The softmax is left out: {name} gives the scores before it."));
                self.made.insert(wire, name);
                return Ok(());
            }
            Op::ArgMax => {
                let mut from = self.made[&node.inputs[0]].clone();
                if self.graph.nodes[node.inputs[0]].shape.len() > 1 {
                    from = self.sheet.layer("flatten", "flat", &from, json!({}))?;
                }
                let name = self.sheet.layer("argmax", "class", &from, json!({}))?;
                self.made.insert(wire, name);
                return Ok(());
            }
            Op::Quantize(_) | Op::Thresholds { .. } => {
                return Err(Error::input("found a quantizer; expected real numbers alone")
                    .mend("the model has integers already: `netetch import` reads it"));
            }
            Op::Pad(_) => return Err(Error::input("found zeros around an image; expected none")),
            Op::Reshape | Op::Transpose(_) => {
                return Err(Error::input("found axes that move; expected none"));
            }
        };
        let name = self.sheet.layer(op, kind, &self.made[&node.inputs[0]], keys)?;
        self.made.insert(wire, name);
        Ok(())
    }

    fn operands(&self, node: &Node) -> Vec<&String> {
        node.inputs.iter().map(|input| &self.made[input]).collect()
    }

    fn product(
        &mut self,
        wire: Wire,
        node: &Node,
        op: &str,
        name: String,
        weights: &Weights,
        keys: Map<String, Json>,
    ) -> Result<()> {
        let mut keys = Json::Object(keys);
        keys["outputs"] = json!(weights.outputs());
        let values: Vec<f64> = weights.codes.iter().copied().collect();
        let key = self.sheet.real_array(format!("{name}.weight"), weights.codes.shape().to_vec(), &values)?;
        keys["weights"] = json!({ "values": key, "scheme": "float" });
        let tail = self.tail(wire, Tail::starting(wire));
        self.finish(op, &name, node, tail, keys)
    }

    /// Bias, normalization and activation behind what is no layer that takes them in.
    fn standalone(&mut self, wire: Wire, node: &Node) -> Result<()> {
        let mut tail = Tail::starting(wire);
        tail.takes(node);
        let tail = self.tail(wire, tail);
        let name = self.sheet.name("act");
        self.finish("requantize", &name, node, tail, json!({}))
    }

    fn finish(&mut self, op: &str, name: &str, node: &Node, tail: Tail, mut keys: Json) -> Result<()> {
        if tail.bias.iter().any(|&bias| bias != 0.0) {
            keys["bias"] = json!({ "values": self.sheet.reals(format!("{name}.bias"), &tail.bias)? });
        }
        if !tail.norm.is_identity() {
            let mut parts = json!({ "epsilon": 0.0 });
            for (part, values) in [
                ("gamma", &tail.norm.gamma),
                ("beta", &tail.norm.beta),
                ("mean", &tail.norm.mean),
                ("variance", &tail.norm.variance),
            ] {
                parts[part] = json!(self.sheet.reals(format!("{name}.{part}"), values)?);
            }
            keys["batch_norm"] = parts;
        }
        let is_linear = matches!(tail.activation, Activation::None);
        let activation = (!is_linear).then_some((tail.activation, tail.slopes));
        self.activate(name, &activation, &mut keys)?;
        // Scores stay sums: a class needs no format of theirs.
        if op == "requantize" || !is_linear || !self.is_score(tail.end) {
            keys["output"] = json!({ "format": "float" });
        }
        let name = self.sheet.named(op, name, &self.made[&node.inputs[0]], keys)?;
        self.made.insert(tail.end, name);
        Ok(())
    }

    fn activate(&mut self, name: &str, activation: &Option<Function>, keys: &mut Json) -> Result<()> {
        match activation {
            None => {}
            Some((_, Some(slopes))) => {
                let slopes: Vec<f64> = slopes.values.iter().copied().collect();
                keys["activation"] = json!({ "prelu": self.sheet.reals(format!("{name}.slope"), &slopes)? });
            }
            Some((activation, None)) => keys["activation"] = json!(activation),
        }
        Ok(())
    }

    /// What follows, as far as one layer takes it in.
    fn tail(&mut self, wire: Wire, mut tail: Tail) -> Tail {
        tail.end = wire;
        while let Some(next) = self.graph.only_reader(tail.end) {
            if !tail.takes(&self.graph.nodes[next]) {
                break;
            }
            self.taken.insert(next);
            tail.end = next;
        }
        tail
    }

    /// The activation straight behind a wire, and the wire behind that.
    fn function(&mut self, wire: Wire) -> (Wire, Option<Function>) {
        let next = self.graph.only_reader(wire);
        match next.map(|next| (next, &self.graph.nodes[next].op)) {
            Some((next, Op::Activation(activation, slopes))) => {
                self.taken.insert(next);
                (next, Some((activation.clone(), slopes.clone())))
            }
            _ => (wire, None),
        }
    }

    /// Whether a wire goes nowhere but out, or to what chooses among scores.
    fn is_score(&self, wire: Wire) -> bool {
        let readers = self.graph.readers(wire);
        let chooses = |&reader: &Wire| match self.graph.nodes[reader].op {
            Op::ArgMax => true,
            Op::Softmax { .. } => self.is_score(reader),
            _ => false,
        };
        (self.graph.outputs.contains(&wire) || !readers.is_empty()) && readers.iter().all(chooses)
    }
}

impl Tail {
    fn starting(end: Wire) -> Tail {
        Tail { bias: vec![0.0], norm: Norm::identity(), activation: Activation::None, slopes: None, end }
    }

    /// Takes in a node, if there is a place for it.
    fn takes(&mut self, node: &Node) -> bool {
        if !matches!(self.activation, Activation::None) {
            return false;
        }
        match &node.op {
            Op::Norm(norm, _) if self.norm.is_identity() && norm.is_offset() => {
                self.bias = zip(&self.bias, &norm.offset(), |a, b| a + b);
            }
            Op::Norm(norm, _) => self.norm = self.norm.then(norm),
            Op::Activation(activation, slopes) => {
                (self.activation, self.slopes) = (activation.clone(), slopes.clone());
            }
            _ => return false,
        }
        true
    }
}
