//! Which layer reads which: names that stand for earlier layers, and results that somebody reads.

use crate::error::{Error, Faults};

use super::Description;
use super::structure::nearest;

/// Every name of an operand or an output that stands for nothing, and every result that nobody reads. `names` are those
/// of the layers; where one is not known, or the input's, it may be any.
pub(super) fn check(description: &Description, names: &[Option<String>], faults: &mut Faults) {
    let network = &description.network;
    let Some(input) = &network.input else { return };
    let Some(names) = names.iter().map(Option::as_deref).collect::<Option<Vec<&str>>>() else { return };
    let mut read = vec![false; names.len()];
    let (mut input_read, mut all_known) = (false, true);
    for (index, layer) in network.layers.iter().enumerate() {
        all_known &= description.is_certain_in_layer(index, &["op", "input", "inputs"]);
        let operands = layer.operands();
        if operands.is_empty() {
            match index.checked_sub(1) {
                Some(before) => read[before] = true,
                None => input_read = true,
            }
        }
        for (operand, name) in operands.into_iter().enumerate() {
            if name == input.name {
                input_read = true;
            } else if let Some(found) = names[..index].iter().position(|&other| other == name) {
                read[found] = true;
            } else {
                let error = unknown(name, &names[..index], names[index..].contains(&name), &input.name);
                faults.push(error.at(description.place_of_operand(index, operand)));
                all_known = false;
            }
        }
    }
    all_known &= outputs(description, &names, &mut read, faults) && description.is_certain("outputs");
    if !all_known {
        return;
    }
    if !input_read && !names.is_empty() {
        let error = Error::input(format!("found no layer that reads the input `{}`", input.name))
            .mend("let the first layer read it: leave its `input` out");
        faults.push(error.at(description.place(&["input"])));
    }
    for (index, name) in names.iter().enumerate().filter(|&(index, _)| !read[index]) {
        let error = Error::input(format!("found no layer that reads `{name}`"))
            .mend("leave it out, or name it among the `outputs`");
        faults.push(error.at(description.place_in_layer(index, &["name"])));
    }
}

/// Marks the outputs as read; whether all of them are layers.
fn outputs(description: &Description, names: &[&str], read: &mut [bool], faults: &mut Faults) -> bool {
    let Some(outputs) = &description.network.outputs else {
        if let Some(last) = read.last_mut() {
            *last = true;
        }
        return true;
    };
    let mut all_known = true;
    for (index, output) in outputs.iter().enumerate() {
        let place = description.place(&["outputs"]);
        if outputs[..index].contains(output) {
            faults.push(Error::input(format!("found the output `{output}` twice")).at(place));
        } else if let Some(found) = names.iter().position(|name| name == output) {
            read[found] = true;
        } else {
            let error = Error::input(format!("found the output `{output}`, which is no layer"));
            faults.push(near(error, output, names.iter().copied()).at(place));
            all_known = false;
        }
    }
    all_known
}

fn unknown(name: &str, earlier: &[&str], is_later: bool, input: &str) -> Error {
    if is_later {
        return Error::input(format!("found the operand `{name}`, which does not come before this layer"))
            .mend("a layer reads layers above it: put them in order");
    }
    let error = Error::input(format!("found the operand `{name}`, which is no layer"));
    near(error, name, earlier.iter().copied().chain([input]))
}

fn near<'n>(error: Error, found: &str, names: impl Iterator<Item = &'n str>) -> Error {
    match nearest(found, names) {
        Some(name) => error.mend(format!("did you mean `{name}`?")),
        None => error.mend("write the name of a layer above, or of the input"),
    }
}
