//! What follows a product up to the quantizer that makes integers of it.

use crate::desc::types::Activation;
use crate::error::{Error, Result};
use crate::import::graph::{Graph, Node, Norm, Op, Wire};
use crate::import::norm::{uniform, zip};
use crate::import::quantizer::Quantizer;
use crate::import::tensor::Constant;

/// How real numbers become integers.
#[derive(Clone, Debug)]
pub enum Target {
    /// By the nearest value of a grid.
    Grid(Box<Quantizer>),
    /// By counting thresholds.
    Thresholds {
        /// `[channels, thresholds]` or `[1, thresholds]`.
        table: Box<Constant>,
        /// What each adds.
        step: f64,
        /// The value below the first.
        first: f64,
    },
}

/// A chain of nodes that each have one reader, from a wire to a quantizer or as far as it goes.
#[derive(Clone, Debug)]
pub struct Tail {
    /// Added first, per channel or for all.
    pub offset: Vec<f64>,
    /// Then normalized.
    pub norm: Norm,
    /// Then the activation.
    pub activation: Activation,
    /// The slopes of a PReLU.
    pub slopes: Option<Box<Constant>>,
    /// Then the quantizer, if there is one.
    pub target: Option<Target>,
    /// The last wire of the chain.
    pub end: Wire,
    /// The nodes that it takes in.
    pub nodes: Vec<Wire>,
}

impl Tail {
    /// What follows `from`, if only one node reads it.
    pub fn after(graph: &Graph, from: Wire) -> Result<Tail> {
        Tail::empty(from).extended(graph)
    }

    /// The chain that begins with a node.
    pub fn starting(graph: &Graph, node: Wire) -> Result<Tail> {
        let mut tail = Tail::empty(node);
        tail.takes(&graph.nodes[node])?;
        tail.nodes.push(node);
        tail.extended(graph)
    }

    /// Nothing behind a wire.
    pub fn empty(end: Wire) -> Tail {
        Tail {
            offset: vec![0.0],
            norm: Norm::identity(),
            activation: Activation::None,
            slopes: None,
            target: None,
            end,
            nodes: Vec::new(),
        }
    }

    fn extended(self, graph: &Graph) -> Result<Tail> {
        let mut tail = self;
        while tail.target.is_none() {
            let Some(next) = graph.only_reader(tail.end) else { break };
            let node = &graph.nodes[next];
            match tail.takes(node) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Err(error.about(&format!("node `{}` ({})", node.name, node.kind))),
            }
            tail.nodes.push(next);
            tail.end = next;
        }
        Ok(tail)
    }

    /// Takes in a node, if it is of a kind that belongs here.
    fn takes(&mut self, node: &Node) -> Result<bool> {
        match &node.op {
            Op::Norm(norm, _) => self.normalize(norm)?,
            Op::Activation(activation, slopes) => {
                self.activation = joined(&self.activation, activation)?;
                self.slopes.clone_from(slopes);
            }
            Op::Quantize(quantizer) => self.target = Some(Target::Grid(quantizer.clone())),
            Op::Thresholds { table, step, first } => {
                self.target = Some(Target::Thresholds { table: table.clone(), step: *step, first: *first });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn normalize(&mut self, norm: &Norm) -> Result<()> {
        if matches!(self.activation, Activation::None) {
            if self.norm.is_identity() && norm.is_offset() {
                self.offset = zip(&self.offset, &norm.offset(), |a, b| a + b);
            } else {
                self.norm = self.norm.then(norm);
            }
            return Ok(());
        }
        let (slope, offset) = (norm.slope(), norm.at_zero());
        let rises = slope.iter().all(|&slope| slope > 0.0) && offset.iter().all(|&offset| offset == 0.0);
        self.activation = match (&self.activation, uniform(&slope), uniform(&offset)) {
            (Activation::Clip(ends), Some(slope), Some(offset)) if slope != 0.0 => {
                moved(*ends, slope, offset)
            }
            (activation, ..) if rises && !matches!(activation, Activation::Clip(_)) => activation.clone(),
            (Activation::Relu, Some(slope), Some(offset)) if slope != 0.0 => {
                moved([0.0, f64::from(f32::MAX)], slope, offset)
            }
            _ => {
                return Err(Error::input(
                    "found factors or offsets of different channels, or falling ones, between an activation and its quantizer",
                )
                .mend("quantize straight after the activation"));
            }
        };
        self.norm = self.norm.then(norm);
        Ok(())
    }

    /// Whether nothing happens to what goes in, but for a quantizer.
    pub fn is_plain(&self) -> bool {
        self.is_linear() && self.norm.is_identity() && self.offset.iter().all(|&offset| offset == 0.0)
    }

    /// Whether no activation is on the way.
    pub fn is_linear(&self) -> bool {
        matches!(self.activation, Activation::None)
    }

    /// Whether it ends in a quantizer, and does the same to every channel.
    pub fn is_uniform(&self) -> bool {
        let affine = self.affine();
        let of_one = matches!(&self.target, Some(Target::Grid(_)))
            || matches!(&self.target, Some(Target::Thresholds { table, .. }) if table.shape()[0] == 1);
        let uniform = [affine.slope(), affine.at_zero()].iter().all(|values| uniform(values).is_some());
        uniform && self.slopes.is_none() && of_one
    }

    /// Offset and norm as one.
    pub fn affine(&self) -> Norm {
        Norm { beta: self.offset.clone(), ..Norm::identity() }.then(&self.norm)
    }
}

/// A clip before a factor and an offset, as one behind them.
fn moved(ends: [f64; 2], slope: f64, offset: f64) -> Activation {
    let far = f64::from(f32::MAX);
    let end = |end: f64| if end.abs() >= far { far.copysign(end * slope) } else { end * slope + offset };
    let [a, b] = ends.map(end);
    Activation::Clip([a.min(b), a.max(b)])
}

/// One activation after another, where one can say both.
fn joined(first: &Activation, second: &Activation) -> Result<Activation> {
    let ends = |activation: &Activation| match activation {
        Activation::Relu => Some([0.0, f64::from(f32::MAX)]),
        Activation::Clip(ends) => Some(*ends),
        _ => None,
    };
    match (first, second, ends(first), ends(second)) {
        (Activation::None, second, ..) => Ok(second.clone()),
        (Activation::Relu, Activation::Relu, ..) => Ok(Activation::Relu),
        (_, _, Some([a, b]), Some([c, d])) => Ok(Activation::Clip([a.clamp(c, d), b.clamp(c, d)])),
        _ => Err(Error::input(format!("found {second:?} after {first:?}; expected one activation"))
            .mend("quantize between the two")),
    }
}
