//! What a choice of schemes gets right, by the golden model, and what it costs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};

use ndarray::{Array2, ArrayView1, Axis};

use crate::error::{Error, Result};
use crate::golden::Golden;
use crate::ir::{Graph, NodeId, Op, Scheme};
use crate::lower::lower;
use crate::plan;
use crate::quant::allocate::weight_memory;
use crate::target::Target;

use super::model::Model;

/// Bytes of layer inputs that are kept between candidates.
const MOST_KEPT: usize = 1 << 28;

/// What is to be made small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Bits of all weights (wess2018, eq. 7).
    WeightBits,
    /// Block RAMs of a device that hold the arrays' weight memories as the planner lays them out.
    BlockRams(Target),
    /// LUTs by the planner's estimate.
    Luts,
}

/// Counts what candidates get right on labelled frames, and remembers it.
///
/// Candidates share the inputs of their first layer that differs from the [base](Self::rebase).
#[derive(Debug)]
pub struct Scorer<'a> {
    model: &'a Model,
    frames: Array2<i32>,
    labels: Vec<i64>,
    known: Mutex<HashMap<Vec<Scheme>, usize>>,
    base: RwLock<Base>,
}

/// A candidate, and the input of each of its layers with weights as far as they are kept.
#[derive(Debug, Default)]
struct Base {
    schemes: Vec<Scheme>,
    inputs: Vec<Option<Array2<i32>>>,
}

impl<'a> Scorer<'a> {
    /// A scorer on integer `frames` `[frames, elements]` and as many labels.
    ///
    /// # Errors
    /// When there are no frames, or not as many labels.
    pub fn new(model: &'a Model, frames: Array2<i32>, labels: Vec<i64>) -> Result<Self> {
        if frames.is_empty() || frames.nrows() != labels.len() {
            return Err(Error::input(format!(
                "found {} frames and {} labels; expected as many of each, and at least one",
                frames.nrows(),
                labels.len()
            )));
        }
        Ok(Scorer { model, frames, labels, known: Mutex::default(), base: RwLock::default() })
    }

    /// How many frames there are.
    pub fn frames(&self) -> usize {
        self.labels.len()
    }

    /// The network for a choice of schemes, one for each layer with weights.
    ///
    /// # Errors
    /// When it cannot be converted or lowered.
    pub fn graph(&self, schemes: &[Scheme]) -> Result<Graph> {
        lower(&self.model.convert(schemes, self.model.description.path())?.description)
    }

    /// How many frames the golden model of `schemes` gets right.
    ///
    /// # Errors
    /// As [`Self::graph`], and when the frames do not suit the network.
    pub fn correct(&self, schemes: &[Scheme]) -> Result<usize> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&correct) = known().get(schemes) {
            return Ok(correct);
        }
        let graph = self.graph(schemes)?;
        let output = match self.rest_of(&graph, schemes)? {
            Some(output) => output,
            None => Golden::new(&graph).run(self.frames.view())?,
        };
        let classes = output.axis_iter(Axis(0)).map(class);
        let correct = classes.zip(&self.labels).filter(|(class, label)| class == *label).count();
        known().insert(schemes.to_vec(), correct);
        Ok(correct)
    }

    /// Keeps the inputs of every layer of `schemes`, for the candidates that follow.
    ///
    /// # Errors
    /// As [`Self::correct`].
    pub fn rebase(&self, schemes: &[Scheme]) -> Result<()> {
        let graph = self.graph(schemes)?;
        let names: Vec<&str> = self.model.weighted().map(|layer| &layer.name[..]).collect();
        let cuts: Vec<Option<NodeId>> = names.iter().map(|name| cut(&graph, name)).collect();
        let mut room = MOST_KEPT / 4;
        let mut kept: Vec<Option<NodeId>> = Vec::new();
        for cut in cuts {
            let elements = cut.map_or(0, |cut| graph[cut].fact.shape.elements() * self.frames.nrows());
            kept.push(cut.filter(|_| elements <= room));
            room -= if elements <= room { elements } else { 0 };
        }
        let keep: Vec<NodeId> = kept.iter().flatten().copied().collect();
        let mut values = Golden::new(&graph).run_keeping(self.frames.view(), &keep)?.into_iter();
        let inputs = kept.into_iter().map(|cut| cut.and_then(|_| narrow(&values.next()?))).collect();
        *self.base.write().unwrap_or_else(PoisonError::into_inner) =
            Base { schemes: schemes.to_vec(), inputs };
        Ok(())
    }

    /// The output from the first layer that differs from the base, if its input is kept.
    fn rest_of(&self, graph: &Graph, schemes: &[Scheme]) -> Result<Option<Array2<i64>>> {
        let base = self.base.read().unwrap_or_else(PoisonError::into_inner);
        if base.schemes.len() != schemes.len() {
            return Ok(None);
        }
        let Some(first) = (0..schemes.len()).find(|&layer| schemes[layer] != base.schemes[layer]) else {
            return Ok(None);
        };
        let name = self.model.weighted().nth(first).map(|layer| &layer.name[..]).unwrap_or_default();
        let Some(input) = &base.inputs[first] else { return Ok(None) };
        let Some(rest) = cut(graph, name).and_then(|cut| suffix(graph, cut)) else { return Ok(None) };
        Golden::new(&rest).run(input.view()).map(Some)
    }

    /// What `schemes` cost.
    ///
    /// # Errors
    /// As [`Self::graph`], and when the network cannot be planned.
    pub fn cost(&self, cost: Cost, schemes: &[Scheme]) -> Result<u64> {
        let hardware = &self.model.description.hardware;
        match cost {
            Cost::WeightBits => {
                let weights: Vec<usize> = self.model.weighted().map(|layer| layer.weights.len()).collect();
                Ok(weight_memory(&weights, &schemes.iter().map(|scheme| scheme.bits()).collect::<Vec<_>>()))
            }
            Cost::BlockRams(target) => {
                let plan = plan::plan(&self.graph(schemes)?, hardware)?;
                Ok(plan.weight_block_rams(target.block_ram()) as u64)
            }
            Cost::Luts => plan::estimated_luts(&self.graph(schemes)?, hardware),
        }
    }
}

/// The class that an output names: itself, or the index of the greatest score, the lowest in a tie.
fn class(output: ArrayView1<'_, i64>) -> i64 {
    if output.len() == 1 {
        return output[0];
    }
    let greatest = output.iter().max();
    output.iter().position(|score| Some(score) == greatest).unwrap_or(0) as i64
}

/// What the layer's weights multiply.
fn cut(graph: &Graph, layer: &str) -> Option<NodeId> {
    let node = graph.nodes().iter().find(|node| node.layer == layer && node.op.weights().is_some())?;
    node.inputs.first().copied()
}

fn narrow(values: &Array2<i64>) -> Option<Array2<i32>> {
    let narrow: Option<Vec<i32>> = values.iter().map(|&value| i32::try_from(value).ok()).collect();
    Array2::from_shape_vec(values.raw_dim(), narrow?).ok()
}

/// The nodes behind `cut` as a network of their own; `None` if they read anything before it as well.
fn suffix(graph: &Graph, cut: NodeId) -> Option<Graph> {
    let mut rest = Graph::new(&graph.name);
    let input = rest.input(&graph[cut].name, graph[cut].fact.shape.clone(), graph[cut].fact.format);
    let mut places = HashMap::from([(cut, input)]);
    for id in graph.ids().filter(|id| id.index() > cut.index()) {
        let node = &graph[id];
        let operands: Option<Vec<NodeId>> = node.inputs.iter().map(|id| places.get(id).copied()).collect();
        if node.op == Op::Input {
            return None;
        }
        // A table over every value of the format is no table over the values that occur.
        let place = rest.add(&node.name, &node.layer, node.op.clone(), &operands?).ok()?;
        places.insert(id, place);
    }
    let outputs: Option<Vec<NodeId>> = graph.outputs().iter().map(|id| places.get(id).copied()).collect();
    outputs?.into_iter().for_each(|id| rest.output(id));
    Some(rest)
}
