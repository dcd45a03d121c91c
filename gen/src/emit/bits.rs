//! Parts of numbers as Verilog: slices, extensions, constants.

/// Bits `low` … `high` − 1 of `name` · 2^shift, and the bits of `name` that are not among them.
pub(super) fn bits_of(
    name: &str,
    bits: u32,
    signed: bool,
    shift: u32,
    low: u32,
    high: u32,
) -> (String, Vec<String>) {
    let mut parts = Vec::new();
    let mut dropped = Vec::new();
    let end = shift + bits;
    let extension = high.saturating_sub(end.max(low));
    if extension > 0 && signed {
        parts.push(format!("{{{extension}{{{name}[{}]}}}}", bits - 1));
    } else if extension > 0 {
        parts.push(format!("{extension}'d0"));
    }
    let (from, to) = (low.max(shift), high.min(end));
    if from < to {
        let whole = from == shift && to == end;
        parts.push(if whole { name.to_owned() } else { range_of(name, from - shift, to - shift) });
    }
    let zeros = shift.min(high).saturating_sub(low);
    if zeros > 0 {
        parts.push(format!("{zeros}'d0"));
    }
    // Bits that only this reader leaves out are read by others, or nobody needs them: say so once each.
    if high < end {
        dropped.push(range_of(name, high.saturating_sub(shift), bits));
    }
    if low > shift {
        dropped.push(range_of(name, 0, (low - shift).min(bits)));
    }
    let text = if parts.len() == 1 { parts.remove(0) } else { format!("{{{}}}", parts.join(", ")) };
    (text, dropped)
}

fn range_of(name: &str, low: u32, high: u32) -> String {
    if high == low + 1 { format!("{name}[{low}]") } else { format!("{name}[{}:{low}]", high - 1) }
}

/// The low bits of a value.
pub(super) fn constant(value: i64, bits: u32) -> String {
    format!("{bits}'d{}", value as u64 & (u64::MAX >> (64 - bits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_extend_shift_and_name_what_they_leave_out() {
        let of = |signed, shift, low, high| {
            let (text, dropped) = bits_of("s7", 4, signed, shift, low, high);
            (text, dropped.join(" "))
        };
        assert_eq!(of(false, 0, 0, 4), ("s7".into(), String::new()));
        assert_eq!(of(true, 0, 0, 6), ("{{2{s7[3]}}, s7}".into(), String::new()));
        assert_eq!(of(false, 2, 0, 7), ("{1'd0, s7, 2'd0}".into(), String::new()));
        assert_eq!(of(false, 2, 3, 5), ("s7[2:1]".into(), "s7[3] s7[0]".into()));
        assert_eq!(of(true, 0, 5, 7), ("{2{s7[3]}}".into(), "s7[3:0]".into()));
        assert_eq!(constant(-3, 4), "4'd13");
    }
}
