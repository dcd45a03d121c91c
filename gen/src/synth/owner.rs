//! Whose a cell is: what each leaf of each stage takes of the device.
//!
//! A flattened netlist keeps the names of registers and of the nets that the RTL named; what lies between them has
//! none. So a cell belongs to the stage that its output's name says, and a nameless one to the stage that
//! most of its readers belong to: a look-up table belongs to the register behind it.

use std::collections::{BTreeMap, HashMap};

use super::netlist::{Bit, Cell, Direction, Module, Net, Wiring};
use super::yosys::{INSTANCE, NAMED};

/// An instance in the network, by names without `u_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instance {
    pub stage: String,
    /// Its part that a cell belongs to; empty for the stage's own wiring.
    pub leaf: String,
}

/// Where a cell belongs; nowhere if it lies between the stages.
pub(super) type Owner = Option<Instance>;

/// Every cell's owner; none for those around the network.
pub(super) fn owners(module: &Module, wiring: &Wiring) -> Vec<Option<Owner>> {
    let inside: Vec<bool> = module.cell_names().map(|name| network(name).is_some()).collect();
    let names = names(module);
    let cells = &wiring.cells;
    let named = |cell: &&Cell| cell.nets(Direction::Output).find_map(|net| names.get(&net).cloned());
    let mut owners: Vec<Owner> =
        cells.iter().zip(&inside).map(|(cell, &inside)| named(cell).filter(|_| inside)).collect();
    let read_by = |owners: &[Owner], cell: &Cell| {
        let readers = cell.nets(Direction::Output).flat_map(|net| wiring.readers(net));
        most(readers.filter_map(|reader| owners[reader.cell].as_ref()))
    };
    let driven_by = |owners: &[Owner], cell: &Cell| {
        let drivers = cell.nets(Direction::Input).filter_map(|net| wiring.driver(net));
        most(drivers.filter_map(|driver| owners[driver.cell].as_ref()))
    };
    spread(cells, &inside, &mut owners, read_by);
    spread(cells, &inside, &mut owners, driven_by);
    owners.into_iter().zip(inside).map(|(owner, inside)| inside.then_some(owner)).collect()
}

/// A name without the network's instance before it.
fn network(name: &str) -> Option<&str> {
    name.strip_prefix(INSTANCE)?.strip_prefix('.')
}

/// The instance that drives a net, for every net whose name says so.
fn names(module: &Module) -> HashMap<u64, Instance> {
    let mut names = HashMap::new();
    let named = |net: &Net| net.hide_name == 0 && net.attributes.contains_key(NAMED);
    for (name, net) in module.netnames.iter().filter(|(_, net)| named(net)) {
        if let Some((instance, rest)) = network(name).and_then(|name| name.split_once('.')) {
            let leaf = rest.split_once('.').map_or("", |(leaf, _)| leaf);
            let plain = |name: &str| name.strip_prefix("u_").unwrap_or(name).to_owned();
            let instance = Instance { stage: plain(instance), leaf: plain(leaf) };
            names.extend(net.bits.iter().filter_map(Bit::net).map(|net| (net, instance.clone())));
        }
    }
    names
}

/// The most frequent one; the first in order where two are.
fn most<'a>(instances: impl Iterator<Item = &'a Instance>) -> Owner {
    let mut counts: BTreeMap<&Instance, usize> = BTreeMap::new();
    instances.for_each(|instance| *counts.entry(instance).or_default() += 1);
    counts.into_iter().rev().max_by_key(|&(_, count)| count).map(|(instance, _)| instance.clone())
}

/// Gives every cell inside without an owner what `neighbours` says, until nothing changes.
fn spread(
    cells: &[&Cell],
    inside: &[bool],
    owners: &mut [Owner],
    neighbours: impl Fn(&[Owner], &Cell) -> Owner,
) {
    let mut waiting: Vec<usize> =
        (0..cells.len()).filter(|&index| inside[index] && owners[index].is_none()).collect();
    loop {
        let found: Vec<(usize, Owner)> =
            waiting.iter().map(|&index| (index, neighbours(owners, cells[index]))).collect();
        let before = waiting.len();
        waiting.clear();
        for (index, owner) in found {
            match owner {
                Some(_) => owners[index] = owner,
                None => waiting.push(index),
            }
        }
        if waiting.len() == before {
            return;
        }
    }
}
