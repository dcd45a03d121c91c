//! Does it fit? If not: by how much, in which resource, and which folding would.

use super::report::{Layer, Resources, total};
use crate::emit::manifest::Manifest;
use crate::error::{Error, Faults, Result};
use crate::target::{Family, Target};

/// A resource that can run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Lut,
    FlipFlop,
    LogicCell,
    BlockRam,
    Multiplier,
}

impl Kind {
    /// Those that bind: a logic cell has no more than one LUT, and on iCE40 always a flip-flop.
    fn of_family(family: Family) -> &'static [Kind] {
        match family {
            Family::Ecp5 | Family::Xc7 => &[Kind::Lut, Kind::FlipFlop, Kind::BlockRam, Kind::Multiplier],
            Family::Ice40 => &[Kind::LogicCell, Kind::BlockRam, Kind::Multiplier],
            Family::Gowin => &[Kind::LogicCell, Kind::FlipFlop, Kind::BlockRam, Kind::Multiplier],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Lut => "LUTs",
            Kind::FlipFlop => "flip-flops",
            Kind::LogicCell => "logic cells",
            Kind::BlockRam => "block RAMs",
            Kind::Multiplier => "multipliers",
        }
    }

    fn of(self, resources: &Resources) -> usize {
        match self {
            Kind::Lut => resources.lut,
            Kind::FlipFlop => resources.ff,
            Kind::LogicCell => resources.lc,
            Kind::BlockRam => resources.bram,
            Kind::Multiplier => resources.dsp,
        }
    }

    fn available(self, target: Target) -> usize {
        let has = target.available();
        match self {
            Kind::Lut => has.lut,
            Kind::FlipFlop => has.ff,
            Kind::LogicCell => has.lc,
            Kind::BlockRam => has.bram,
            Kind::Multiplier => has.dsp,
        }
    }
}

/// Checks every resource of the device.
///
/// # Errors
/// One fault for each that runs out.
pub(super) fn check(manifest: &Manifest, target: Target, layers: &[Layer], around: Resources) -> Result<()> {
    let mut all = total(layers);
    all += around;
    let mut faults = Faults::default();
    for &kind in Kind::of_family(target.family()) {
        let (used, available) = (kind.of(&all), kind.available(target));
        if used > available {
            let message = format!(
                "`{}` does not fit {target}: {used} {} used, {available} available, {} too many ({:.0} %)",
                manifest.network,
                kind.name(),
                used - available,
                100.0 * used as f64 / available.max(1) as f64,
            );
            faults.push(Error::refusal(message).mend(advice(
                manifest,
                target,
                layers,
                kind,
                used - available,
            )));
        }
    }
    faults.or(())
}

/// A layer's folding and what it takes, while foldings are halved on paper.
struct Share<'a> {
    name: &'a str,
    pe: usize,
    simd: usize,
    cycles: u64,
    used: usize,
    least: usize,
    changed: bool,
}

impl Share<'_> {
    /// Half of the array: twice the cycles, half of its blocks; of its logic a third, as the digits networks' layers showed.
    fn halve(&mut self, kind: Kind) -> usize {
        match self.pe > self.simd {
            true => self.pe = self.pe.div_ceil(2),
            false => self.simd = self.simd.div_ceil(2),
        }
        let left = match kind {
            Kind::Lut | Kind::FlipFlop | Kind::LogicCell => (2 * self.used).div_ceil(3),
            Kind::BlockRam | Kind::Multiplier => self.used.div_ceil(2),
        };
        let left = left.max(self.least);
        let saved = self.used - left;
        self.used = left;
        self.cycles *= 2;
        self.changed = true;
        saved
    }
}

/// Halves the array that takes most of what is short, again and again, until enough is saved.
fn advice(manifest: &Manifest, target: Target, layers: &[Layer], kind: Kind, excess: usize) -> String {
    let mut shares: Vec<Share> = manifest
        .stages
        .iter()
        .filter_map(|stage| {
            let layer = layers.iter().find(|layer| layer.name == stage.name)?;
            let least = match kind {
                Kind::BlockRam => stage.rom_bits.div_ceil(target.block_ram().bits),
                Kind::Lut | Kind::FlipFlop | Kind::LogicCell | Kind::Multiplier => 0,
            };
            let used = kind.of(&layer.resources);
            let least = least.min(used);
            Some(Share {
                name: &stage.layer,
                pe: stage.pe,
                simd: stage.simd,
                cycles: stage.cycles,
                used,
                least,
                changed: false,
            })
        })
        .collect();
    let mut saved = 0;
    while saved < excess {
        let can = |share: &&mut Share| share.pe * share.simd > 1 && share.used > share.least.max(1);
        match shares.iter_mut().filter(can).max_by_key(|share| share.used - share.least) {
            Some(share) => saved += share.halve(kind),
            None => return "no folding would: take a larger device, fewer weights, or fewer bits".to_owned(),
        }
    }
    let changes: Vec<String> = shares
        .iter()
        .filter(|share| share.changed)
        .map(|share| format!("{}: {{pe: {}, simd: {}}}", share.name, share.pe, share.simd))
        .collect();
    let slowest = shares.iter().map(|share| share.cycles).max().unwrap_or(0).max(manifest.planned.ii);
    format!(
        "by estimate, `folding: {{{}}}` would fit, at {slowest} cycles an inference; or take a larger device",
        changes.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desc::RamStyle;
    use crate::emit::manifest::{Output, Stage, Stream};
    use crate::plan::Cycles;

    fn manifest(rom_bits: usize) -> Manifest {
        let stream = Stream {
            shape: vec![64],
            encoding: "u8".into(),
            exp: 0,
            bits: 8,
            lanes: 1,
            length: 64,
            vectors: 1,
            beats: 64,
            data_bits: 8,
        };
        let stage = |name: &str, pe, simd, cycles| Stage {
            name: name.into(),
            module: format!("net_{name}"),
            files: Vec::new(),
            layer: name.into(),
            op: "dense".into(),
            shape: vec![8],
            pe,
            simd,
            pixels: 1,
            cycles,
            rom_bits,
        };
        Manifest {
            schema: 1,
            network: "net".into(),
            top: "net".into(),
            files: vec![],
            input: stream.clone(),
            outputs: vec![Output { node: "fc2".into(), port: "m_axis".into(), stream }],
            probes: vec![],
            planned: Cycles { ii: 64, latency: 100 },
            ram_style: RamStyle::Auto,
            beyond: vec![],
            weights: None,
            stages: vec![stage("fc1", 16, 8, 64), stage("fc2", 4, 8, 32)],
        }
    }

    fn layer(name: &str, lc: usize, bram: usize) -> Layer {
        let resources = Resources { lut: lc / 2, ff: lc, lc, bram, ..Resources::default() };
        Layer { resources, ..Layer::new(name) }
    }

    #[test]
    fn says_what_runs_out_by_how_much_and_which_folding_would_fit() {
        let layers = [layer("fc1", 6000, 4), layer("fc2", 2000, 2)];
        let around = Resources { lut: 50, ff: 100, lc: 100, ..Resources::default() };
        assert!(check(&manifest(100), Target::Ecp5_25k, &layers, around).is_ok());
        let error = check(&manifest(100), Target::Ice40Hx8k, &layers, around).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`net` does not fit ice40-hx8k: 8100 logic cells used, 7680 available, 420 too many (105 %)\n  help: by \
             estimate, `folding: {fc1: {pe: 8, simd: 8}}` would fit, at 128 cycles an inference; or take a larger \
             device"
        );
    }

    #[test]
    fn says_so_where_no_folding_helps() {
        let layers = [layer("fc1", 10, 20), layer("fc2", 10, 20)];
        let full = 20 * 4096;
        let error = check(&manifest(full), Target::Ice40Hx8k, &layers, Resources::default()).unwrap_err();
        assert!(error.to_string().contains("40 block RAMs used, 32 available, 8 too many"), "{error}");
        assert!(error.to_string().contains("no folding would"), "{error}");
        let half = check(&manifest(full / 2), Target::Ice40Hx8k, &layers, Resources::default()).unwrap_err();
        assert!(half.to_string().contains("fc2: {pe: 4, simd: 4}"), "{half}");
    }

    #[test]
    fn reports_every_resource_that_runs_out() {
        let layers = [layer("fc1", 9000, 40)];
        let fault = |target| check(&manifest(10), target, &layers, Resources::default()).unwrap_err();
        let error = fault(Target::Ice40Up5k);
        assert_eq!(error.count(), 2, "{error}");
        let error = fault(Target::Gowin9k);
        assert_eq!(error.count(), 3, "{error}");
        assert!(error.to_string().contains("9000 flip-flops used, 6480 available"), "{error}");
    }
}
