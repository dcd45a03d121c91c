//! From the description to the graph: reads weight files, quantizes, folds, and derives every integer.

mod arithmetic;
mod chain;
mod derived;
mod explicit;
mod join;
mod layer;
mod load;
mod multiplier;
mod order;
mod sources;
mod table;

use std::collections::HashMap;
use std::path::Path;

use crate::desc::types::Input;
use crate::desc::{self, Description, Layer};
use crate::error::{Error, Faults, Result};
use crate::fixed::{Encoding, Format};
use crate::ir::{Graph, NodeId, Op, Scale, Shape};

pub(crate) use layer::{padded, stateful};
pub use load::BatchNorm;
pub(crate) use load::{BiasValues, RealArrays};
pub(crate) use sources::Sources;

/// A result of more elements than this is refused.
const GREATEST_TENSOR: usize = 1 << 28;
/// A result of an exponent beyond this, either way, is refused.
const GREATEST_EXPONENT: i32 = 2048;

/// Reads a description and its weight files, and builds the graph.
///
/// # Errors
/// All the mistakes of both, in the order of the description; what follows from another mistake is left out.
pub fn read(path: &Path) -> Result<(Description, Graph)> {
    let (description, faults) = desc::draft(path)?;
    let graph = Lowering::new(&description, faults).run()?;
    Ok((description, graph))
}

/// Builds the graph of a description.
///
/// A layer `fc1` becomes the node `fc1`; where it takes several, its accumulators are `fc1_acc`, the input
/// of its table `fc1_pre`, and its result `fc1`.
///
/// # Errors
/// When a weight file is not as described, or a layer does not suit its input; the error names the file,
/// the array and the layer.
pub fn lower(description: &Description) -> Result<Graph> {
    Lowering::new(description, Faults::default()).run()
}

/// What the description says of a unit, beyond its power of two.
fn unit(scale: Option<f64>, zero: i64) -> Option<Scale> {
    (scale.is_some() || zero != 0).then(|| Scale { zero, scale: scale.unwrap_or(1.0) })
}

/// What is known of a result: its node or, where a mistake keeps that from being built, its shape.
#[derive(Clone, Debug)]
enum Known {
    Node(NodeId),
    Shape(Shape),
}

/// The graph as far as it is built, and the mistakes found so far.
struct Lowering<'a> {
    description: &'a Description,
    graph: Graph,
    sources: Sources<'a>,
    faults: Faults,
}

impl<'a> Lowering<'a> {
    fn new(description: &'a Description, faults: Faults) -> Self {
        let graph = Graph::new(description.network.name.as_deref().unwrap_or_default());
        Lowering { description, graph, sources: Sources::new(description), faults }
    }

    fn run(mut self) -> Result<Graph> {
        let network = &self.description.network;
        let mut last = network.input.as_ref().and_then(|input| self.input(input));
        let input_name = network.input.iter().map(|input| (&input.name[..], last.clone()));
        let mut named: HashMap<&str, Option<Known>> = input_name.collect();
        for (index, layer) in network.layers.iter().enumerate() {
            self.sources.layer = index;
            let operands = self.operands(layer, &named, last);
            last = self.layer(layer, operands).and_then(|result| self.within_limits(result));
            named.insert(layer.name(), last.clone());
        }
        let outputs: Vec<Option<Known>> = match &network.outputs {
            None => vec![last],
            Some(names) => names.iter().map(|name| named.get(&name[..]).cloned().flatten()).collect(),
        };
        for output in outputs {
            match output {
                Some(Known::Node(output)) => self.graph.output(output),
                Some(Known::Shape(_)) | None => self.faults.push(Error::reported()),
            }
        }
        self.faults.or(self.graph)
    }

    /// Keeps what a layer has, or gathers why it has none.
    fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        let place = self.sources.place(&[]);
        self.faults.keep(result.map_err(|error| error.at(place)))
    }

    fn is_certain(&self, keys: &[&str]) -> bool {
        self.description.is_certain_in_layer(self.sources.layer, keys)
    }

    /// Whether a layer can become nodes: nothing is wrong with it.
    fn is_whole(&self) -> bool {
        self.description.is_whole(self.sources.layer)
    }

    fn input(&mut self, input: &Input) -> Option<Known> {
        let encoding = match input.is_float() {
            true => Err(load::still_float("input").at(self.description.place(&["input", "format"]))),
            false => input.format.parse(),
        };
        let encoding: Encoding = self.faults.keep(encoding)?;
        let shape = Shape(input.shape.iter().map(|&extent| extent as usize).collect());
        let node = self.graph.input(&input.name, shape, Format { encoding, exp: input.exp });
        self.graph.set_scale(node, unit(input.scale, input.zero));
        Some(Known::Node(node))
    }

    /// What is known of that which a layer reads.
    fn operands(
        &mut self,
        layer: &Layer,
        named: &HashMap<&str, Option<Known>>,
        last: Option<Known>,
    ) -> Vec<Option<Known>> {
        let names = layer.operands();
        let operands = match names[..] {
            _ if !self.is_certain(&["input", "inputs"]) => vec![None],
            [] => vec![last],
            _ => names.iter().map(|name| named.get(name).cloned().flatten()).collect(),
        };
        if operands.iter().flatten().any(|operand| self.is_softmax(operand)) {
            self.keep::<()>(Err(Error::input("found a layer that reads a softmax, which has no circuit")
                .mend("let a softmax be last; argmax gives the same class without it")));
            return operands.into_iter().map(|operand| Some(Known::Shape(self.shape(&operand?)))).collect();
        }
        operands
    }

    fn is_softmax(&self, operand: &Known) -> bool {
        matches!(operand, Known::Node(node) if matches!(self.graph[*node].op, Op::Softmax(_)))
    }

    fn shape(&self, known: &Known) -> Shape {
        match known {
            Known::Node(node) => self.graph[*node].fact.shape.clone(),
            Known::Shape(shape) => shape.clone(),
        }
    }

    /// Refuses what no circuit holds, before anything is sized by it.
    fn within_limits(&mut self, result: Known) -> Option<Known> {
        let shape = self.shape(&result);
        let elements = shape.0.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent));
        if elements.is_none_or(|elements| elements > GREATEST_TENSOR) {
            return self.keep(Err(Error::input(format!(
                "found a result of the shape {shape}; expected at most {GREATEST_TENSOR} elements"
            ))));
        }
        let Known::Node(node) = result else { return Some(result) };
        let exp = self.graph[node].fact.format.exp;
        if exp.abs() > GREATEST_EXPONENT {
            self.keep::<()>(Err(Error::input(format!(
                "found a result of the exponent {exp}; expected -{GREATEST_EXPONENT} to {GREATEST_EXPONENT}"
            ))));
            return Some(Known::Shape(shape));
        }
        Some(result)
    }
}
