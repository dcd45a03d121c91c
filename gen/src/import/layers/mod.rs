//! From a network in real numbers, channels last, to the layers of a description.
//!
//! A product and what follows it up to a quantizer is one layer; scales, biases and norms go into the description as the
//! real numbers they are, and lowering makes integers of them.

pub mod output;
mod product;
pub mod real;
mod tail;
mod times;
mod vector;

use std::collections::{HashMap, HashSet};

use serde_json::{Value as Json, json};

use crate::error::{Error, Faults, Result};
use crate::exact::Dyadic;

use super::graph::{Graph, Node, Op, Window, Wire};
use super::norm::uniform;
use super::sheet::Sheet;
use super::{Described, InputFormat, Options};
use output::Grid;
use tail::{Tail, Target};

/// What has been made of a wire: a layer of integers.
#[derive(Clone, Debug)]
struct Made {
    name: String,
    grid: Grid,
}

/// A wire that is `slope` times another one, plus `offset`, and no layer of its own.
#[derive(Clone, Copy, Debug)]
struct Affine {
    of: Wire,
    slope: f64,
    offset: f64,
}

struct Builder<'a> {
    graph: &'a Graph,
    options: &'a Options,
    input: Json,
    sheet: Sheet,
    made: HashMap<Wire, Made>,
    /// The layers that make probabilities of what has been made of a wire.
    probabilities: HashMap<Wire, String>,
    /// The last factors that scores are given without.
    factors: HashMap<Wire, f64>,
    affine: HashMap<Wire, Affine>,
    taken: HashSet<Wire>,
    notes: Vec<String>,
    faults: Faults,
}

/// The layers of a network.
///
/// # Errors
/// For every node that has no integer meaning, all at once.
pub fn describe(graph: &Graph, options: &Options) -> Result<Described> {
    let mut builder = Builder {
        graph,
        options,
        input: Json::Null,
        sheet: Sheet::default(),
        made: HashMap::new(),
        probabilities: HashMap::new(),
        factors: HashMap::new(),
        affine: HashMap::new(),
        taken: HashSet::new(),
        notes: Vec::new(),
        faults: Faults::default(),
    };
    for wire in 0..graph.nodes.len() {
        let node = &graph.nodes[wire];
        let ready = node
            .inputs
            .iter()
            .all(|input| builder.made.contains_key(input) || builder.affine.contains_key(input));
        if builder.taken.contains(&wire) || !ready {
            continue;
        }
        if let Err(error) = builder.node(wire, node) {
            builder.faults.push(error.about(&format!("node `{}` ({})", node.name, node.kind)));
        }
    }
    let outputs = builder.outputs();
    if builder.faults.is_empty() && outputs.is_err() {
        outputs.as_ref().map(|_| ()).map_err(Clone::clone)?;
    }
    builder.faults.or(())?;
    vector::flatten_input(&mut builder.input, &builder.sheet.layers);
    Ok(builder.sheet.described(builder.input, outputs?, builder.notes))
}

impl Builder<'_> {
    fn node(&mut self, wire: Wire, node: &Node) -> Result<()> {
        match &node.op {
            Op::Input(_) => self.input(wire, node),
            Op::MatMul(_) | Op::Conv { .. } | Op::AveragePool(..) => self.product(wire, node),
            Op::Norm(..) | Op::Activation(..) | Op::Quantize(_) | Op::Thresholds { .. } => {
                self.standalone(wire, node)
            }
            Op::MaxPool(window) => {
                let mut keys = window_keys(window)?;
                if window.dilation != [1, 1] {
                    return Err(Error::input("found a dilated max pool, which has no circuit"));
                }
                keys.remove("dilation");
                self.moved(wire, node, "max_pool", "pool", Json::Object(keys))
            }
            Op::Upsample(factor) => self.moved(wire, node, "upsample", "up", json!({ "factor": factor })),
            Op::DepthToSpace(block, adjoin) => {
                let order = if *adjoin { "crd" } else { "dcr" };
                self.moved(wire, node, "depth_to_space", "blocks", json!({ "block": block, "order": order }))
            }
            Op::Concat(_) => self.concat(wire, node),
            Op::Add => self.sum(wire, node),
            Op::Softmax { along_channels } => self.softmax(wire, node, *along_channels),
            Op::ArgMax => self.argmax(wire, node),
            Op::Pad(_) => Err(Error::input("found zeros around an image; expected none")),
            Op::Reshape | Op::Transpose(_) => Err(Error::input("found axes that move; expected none")),
        }
    }

    /// What goes in: as asked for, as the file types it, or as the first quantizer has it.
    fn input(&mut self, wire: Wire, node: &Node) -> Result<()> {
        let integers = match &node.op {
            Op::Input(integers) => *integers,
            _ => None,
        };
        let (grid, end) = match (&self.options.input, integers) {
            (Some(InputFormat { format, scale, zero }), _) => {
                let range = format.range();
                let grid = Grid {
                    format: format.to_string(),
                    scale: *scale,
                    zero: *zero,
                    range: [range.min, range.max],
                };
                (grid, wire)
            }
            (None, Some(integers)) => {
                let format = output::format_of(integers.range)?;
                let scale = integers.scale.unwrap_or(1.0);
                (Grid { format, scale, zero: integers.zero, range: integers.range }, wire)
            }
            (None, None) => self.quantized_input(wire)?,
        };
        let mut input = grid.unit();
        input.insert("shape".into(), json!(node.shape));
        self.input = Json::Object(input);
        self.made.insert(end, Made { name: "input".into(), grid });
        Ok(())
    }

    fn quantized_input(&mut self, wire: Wire) -> Result<(Grid, Wire)> {
        let tail = Tail::after(self.graph, wire)?;
        let Some(Target::Grid(quantizer)) = &tail.target else {
            return Err(Error::input("found real numbers going in that no quantizer rounds; expected integers").mend(
                "say how they are written: --input-format s16 --input-scale 0.001, or put a quantizer first in the model",
            ));
        };
        let grid = Grid::of(quantizer)?;
        let affine = tail.affine();
        if !(tail.is_linear() && affine.is_identity()) {
            let what = match (tail.is_linear(), uniform(&affine.slope()), uniform(&affine.at_zero())) {
                (true, Some(slope), Some(offset)) => format!("{slope} · x + {offset}"),
                _ => "what the model makes of x before its first quantizer".to_owned(),
            };
            self.notes.push(format!("The model's input x goes in as {what}."));
        }
        self.taken.extend(&tail.nodes);
        Ok((grid, tail.end))
    }

    /// A layer that moves integers and leaves them what they are.
    fn moved(&mut self, wire: Wire, node: &Node, op: &str, kind: &'static str, keys: Json) -> Result<()> {
        let made = self.operand(node, 0)?.clone();
        let name = self.sheet.layer(op, kind, &made.name, keys)?;
        self.made.insert(wire, Made { name, grid: made.grid });
        Ok(())
    }

    /// Whoever reads on after a softmax reads the scores: the greatest stays the greatest.
    fn softmax(&mut self, wire: Wire, node: &Node, along_channels: bool) -> Result<()> {
        let made = self.operand(node, 0)?.clone();
        if !self.ends(wire) {
            return Err(
                Error::input("found probabilities that another layer reads").mend("softmax may only be last")
            );
        }
        if along_channels && self.graph.outputs.contains(&wire) {
            let mut keys = match self.options.softmax_in_circuit {
                true => json!({ "in_circuit": true }),
                false => json!({ "kernel": "real" }),
            };
            if let Some(factor) = node.inputs.first().and_then(|scores| self.factors.get(scores)) {
                keys["beta"] = json!(factor);
            }
            let name = self.sheet.layer("softmax", "probability", &made.name, keys)?;
            self.probabilities.insert(wire, name);
        } else {
            self.notes.push(format!("The softmax is left out: {} gives the scores before it.", made.name));
        }
        self.made.insert(wire, made);
        Ok(())
    }

    fn argmax(&mut self, wire: Wire, node: &Node) -> Result<()> {
        let mut made = self.operand(node, 0)?.clone();
        if self.graph.nodes[node.inputs[0]].shape.len() > 1 {
            made.name = self.sheet.layer("flatten", "flat", &made.name, json!({}))?;
        }
        let name = self.sheet.layer("argmax", "class", &made.name, json!({}))?;
        let grid = Grid { format: "u16".into(), scale: 1.0, zero: 0, range: [0, 65_535] };
        self.made.insert(wire, Made { name, grid });
        Ok(())
    }

    /// What of a network's arithmetic stands by itself: a quantizer, or a factor that the next product takes in.
    fn standalone(&mut self, wire: Wire, node: &Node) -> Result<()> {
        let from = node.inputs[0];
        let shared = self.graph.readers(from).len() > 1 || self.graph.outputs.contains(&from);
        let tail = if shared { Tail::starting(self.graph, wire)? } else { Tail::after(self.graph, from)? };
        self.taken.extend(&tail.nodes);
        if tail.target.is_some() {
            let operand = self.resolved(from)?;
            let made = self.requantized(&operand, &tail)?;
            self.made.insert(tail.end, made);
            return Ok(());
        }
        let affine = tail.affine();
        let (slope, offset) = (uniform(&affine.slope()), uniform(&affine.at_zero()));
        if self.ends(tail.end)
            && tail.is_linear()
            && slope.is_some_and(|slope| slope > 0.0)
            && offset.is_some()
        {
            let made = self.operand(node, 0)?.clone();
            self.notes.push(format!("A last factor and offset of {} are left out.", made.name));
            self.factors.extend(slope.map(|slope| (tail.end, slope)));
            self.made.insert(tail.end, made);
            return Ok(());
        }
        if self.ends(tail.end) && tail.is_linear() {
            let operand = self.resolved(from)?;
            let end = tail.end;
            let made = self.times(&operand, tail)?;
            self.made.insert(end, made);
            return Ok(());
        }
        match (slope, offset) {
            (Some(slope), Some(offset)) if tail.is_linear() && slope != 0.0 => {
                let (of, before) = match self.affine.get(&from) {
                    Some(before) => (before.of, *before),
                    None => (from, Affine { of: from, slope: 1.0, offset: 0.0 }),
                };
                let both = Affine { of, slope: before.slope * slope, offset: before.offset * slope + offset };
                self.affine.insert(tail.end, both);
                Ok(())
            }
            _ => Err(unquantized()),
        }
    }

    fn concat(&mut self, wire: Wire, node: &Node) -> Result<()> {
        let operands: Vec<Made> =
            (0..node.inputs.len()).map(|index| self.operand(node, index).cloned()).collect::<Result<_>>()?;
        let Some(first) = operands.first() else { return Err(Error::input("found no operands")) };
        let is_alike = operands.iter().all(|made| made.grid.is_like(&first.grid));
        let tail = if is_alike { None } else { Some(Tail::after(self.graph, wire)?) };
        let (operands, grid, keys, end) = match tail.filter(Tail::is_uniform) {
            // The quantizer behind it makes one format of all: it does so just as well before.
            Some(tail) => {
                self.taken.extend(&tail.nodes);
                let each = node.inputs.iter().map(|&input| self.requantized(&self.resolved(input)?, &tail));
                let each = each.collect::<Result<Vec<Made>>>()?;
                let grid = each[0].grid.clone();
                (each, grid, json!({}), tail.end)
            }
            None if is_alike => {
                let grid = first.grid.clone();
                (operands, grid, json!({}), wire)
            }
            None => {
                let grid = Grid::common(operands.iter().map(|made| &made.grid))?;
                let keys = json!({ "output": grid.unit() });
                (operands, grid, keys, wire)
            }
        };
        let names: Vec<&str> = operands.iter().map(|made| made.name.as_str()).collect();
        let name = self.sheet.name("cat");
        let name = self.sheet.joined("concat", &name, json!(names), keys)?;
        self.made.insert(end, Made { name, grid });
        Ok(())
    }

    fn sum(&mut self, wire: Wire, node: &Node) -> Result<()> {
        let operands: Vec<Made> =
            node.inputs.iter().map(|&input| self.whole(input)).collect::<Result<_>>()?;
        let unit = Grid::common_unit(operands.iter().map(|made| &made.grid))?;
        let tail = Tail::after(self.graph, wire)?;
        self.taken.extend(&tail.nodes);
        let names: Vec<&str> = operands.iter().map(|made| made.name.as_str()).collect();
        let name = self.sheet.name("sum");
        if tail.affine().slope().iter().any(|&slope| slope < 0.0) {
            let name = self.sheet.joined("add", &name, json!(names), json!({}))?;
            let affine = Affine { of: wire, slope: 1.0, offset: 0.0 };
            let end = tail.end;
            let made = self.times(&Operand { made: Made { name, grid: raw(&unit) }, affine }, tail)?;
            self.made.insert(end, made);
            return Ok(());
        }
        let (keys, grid) = self.finish(&name, &tail, &unit, &[0])?;
        let name = self.sheet.joined("add", &name, json!(names), keys)?;
        self.made.insert(tail.end, Made { name, grid });
        Ok(())
    }

    /// The layer of a wire, made for the purpose where only a factor and an offset stand for it.
    fn whole(&mut self, wire: Wire) -> Result<Made> {
        let operand = self.resolved(wire)?;
        if !self.affine.contains_key(&wire) {
            return Ok(operand.made);
        }
        let made = self.times(&operand, Tail::empty(wire))?;
        self.affine.remove(&wire);
        self.made.insert(wire, made.clone());
        Ok(made)
    }

    /// Whether a wire is an output, or goes nowhere but to one through what a circuit leaves out.
    fn ends(&self, wire: Wire) -> bool {
        if self.graph.outputs.contains(&wire) {
            return true;
        }
        match self.graph.readers(wire)[..] {
            [reader] => {
                let drops = matches!(self.graph.nodes[reader].op, Op::Softmax { .. } | Op::ArgMax);
                drops && (self.graph.outputs.contains(&reader) || self.ends(reader))
            }
            _ => false,
        }
    }

    fn outputs(&self) -> Result<Vec<String>> {
        let name = |wire: &Wire| match (self.probabilities.get(wire), self.made.get(wire)) {
            (Some(name), _) => Ok(name.clone()),
            (None, Some(made)) if made.name != "input" => Ok(made.name.clone()),
            _ => {
                let node = &self.graph.nodes[*wire];
                Err(unquantized().about(&format!("output of node `{}` ({})", node.name, node.kind)))
            }
        };
        self.graph.outputs.iter().map(name).collect()
    }

    /// What has been made of an operand.
    fn operand(&self, node: &Node, index: usize) -> Result<&Made> {
        let wire = node.inputs.get(index).ok_or_else(unquantized)?;
        self.made.get(wire).ok_or_else(|| match self.affine.contains_key(wire) {
            true => Error::input(
                "found a factor or an offset before it, which only a product, a sum or a quantizer takes in",
            )
            .mend("put a quantizer (Quant, QuantizeLinear) between the two, or the factor behind it"),
            false => unquantized(),
        })
    }

    /// The layer behind a wire, and the factor and offset between the two.
    fn resolved(&self, wire: Wire) -> Result<Operand> {
        let affine = self.affine.get(&wire).copied().unwrap_or(Affine { of: wire, slope: 1.0, offset: 0.0 });
        let made = self.made.get(&affine.of).cloned().ok_or_else(unquantized)?;
        Ok(Operand { made, affine })
    }
}

/// A layer's integers, and the affine function of them that is meant.
struct Operand {
    made: Made,
    affine: Affine,
}

fn unquantized() -> Error {
    Error::input("found real numbers that no quantizer rounds; expected integers")
        .mend("put a quantizer (Quant, QuantizeLinear) behind it in the model")
}

/// Sums as they are, in a unit.
fn raw(unit: &Dyadic) -> Grid {
    Grid { format: "s16".into(), scale: unit.approximate(), zero: 0, range: [i64::MIN, i64::MAX] }
}

/// Kernel, stride, dilation and padding in a description.
fn window_keys(window: &Window) -> Result<serde_json::Map<String, Json>> {
    let [top, left, bottom, right] = window.padding;
    let keys = json!({
        "kernel": window.kernel,
        "stride": window.stride,
        "dilation": window.dilation,
        "padding": if window.padding == [0; 4] { json!("valid") } else {
            json!({ "top": top, "left": left, "bottom": bottom, "right": right })
        },
    });
    match keys {
        Json::Object(keys) => Ok(keys),
        _ => Err(Error::input("a window is a mapping")),
    }
}
