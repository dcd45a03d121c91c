//! Random networks of every operation as circuits: any foldings, every bit, every planned cycle.
//!
//! `NETETCH_RANDOM_NETWORKS` says how many; 10 if unset, always the same ones. Several read one input and are built as
//! one circuit, each with an output of its own, because a simulation takes seconds to build.

use std::cell::RefCell;
use std::collections::BTreeMap;

use netetch::desc::{Array, ArrayKind};
use netetch::plan::Plan;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use super::*;

#[path = "../golden/random.rs"]
#[allow(dead_code, reason = "the golden model's tests use the rest")]
mod networks;

const VARIABLE: &str = "NETETCH_RANDOM_NETWORKS";
/// Networks of a circuit.
const TOGETHER: usize = 5;

/// Frames after which buffers that fill hide no longer how slow a circuit is; twice what the plan looks at.
const SETTLED: usize = 130;

/// What networks are made from: seeds, so that fewer of them make smaller networks.
#[derive(Clone, Debug)]
struct Batch {
    input: u64,
    networks: Vec<Vec<u64>>,
    foldings: u64,
}

fn batches() -> impl Strategy<Value = Batch> {
    let seed = || any::<u64>().no_shrink();
    let networks = prop::collection::vec(prop::collection::vec(seed(), 1..8), 1..=TOGETHER);
    (seed(), networks, seed()).prop_map(|(input, networks, foldings)| Batch { input, networks, foldings })
}

impl Batch {
    /// The graph of some of its networks, and how many of them compute anything.
    fn graph(&self, chosen: &[usize]) -> (Graph, usize) {
        let mut graph = Graph::new("random");
        let input = networks::input(&mut graph, &mut networks::Dice(self.input));
        for &index in chosen {
            let last = networks::grow(&mut graph, input, &format!("n{index}_"), &self.networks[index]);
            if last != input {
                graph.output(last);
            }
        }
        let computing = graph.outputs().len();
        (graph, computing)
    }

    fn plan(&self, graph: &Graph) -> Result<Plan, String> {
        let drawn = foldings(graph, &mut networks::Dice(self.foldings));
        let planned = [drawn, BTreeMap::new()].map(|folding| {
            plan::plan(graph, &Hardware { folding, ..Hardware::default() }).map_err(|error| error.to_string())
        });
        let [first, second] = planned;
        first.or(second)
    }
}

/// A folding for about half of the arrays.
fn foldings(graph: &Graph, dice: &mut networks::Dice) -> BTreeMap<String, Array> {
    let mut all = BTreeMap::new();
    for node in graph.nodes() {
        let (weights, area, groups) = match &node.op {
            Op::Dense(weights) => (weights, 1, 1),
            Op::Conv2d { weights, window, groups } => (weights, window.area(), *groups),
            _ => continue,
        };
        let columns = node.fact.shape.image().map_or(1, |(_, width, _)| width) as i64;
        let size = |dice: &mut networks::Dice, most: usize| dice.roll(1, most as i64) as usize;
        let (pe, simd) = (size(dice, weights.outputs()), size(dice, weights.inputs() / area));
        let pixels = if dice.roll(0, 3) == 0 { dice.roll(1, columns) as usize } else { 1 };
        match (dice.roll(0, 7), groups) {
            (0, 1) => all.insert(node.layer.clone(), Array::Named(ArrayKind::Unrolled)),
            (1..=4, 1) => {
                all.insert(node.layer.clone(), Folding { pe, simd, pixels, ..Folding::default() }.into())
            }
            _ => None,
        };
    }
    all
}

/// Proves the networks of a batch that have a circuit; returns how many they are.
fn proved(batch: &Batch, refused: &RefCell<BTreeMap<String, usize>>) -> Result<usize, String> {
    let has_circuit = |&index: &usize| {
        let (graph, computing) = batch.graph(&[index]);
        match batch.plan(&graph) {
            _ if computing == 0 => false,
            Ok(_) => true,
            Err(message) => {
                *refused.borrow_mut().entry(message).or_default() += 1;
                false
            }
        }
    };
    let chosen: Vec<usize> = (0..batch.networks.len()).filter(has_circuit).collect();
    if chosen.is_empty() {
        return Ok(0);
    }
    let (graph, _) = batch.graph(&chosen);
    let plan = batch.plan(&graph)?;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("rtl");
    emit::emit(&graph, &plan, emit::Options::default(), &folder).map_err(|error| error.to_string())?;
    lint::verilator(&folder, &graph.name)?;
    let sources = sim::Sources {
        // Compiling takes longer than running.
        extra_flags: vec!["-MAKEFLAGS".into(), "OPT_FAST=-O0".into()],
        ..sim::Sources::default()
    };
    let options = |scenarios| Options {
        scenarios,
        sources: sources.clone(),
        cache: Some(folder.with_file_name("cache")),
        ..Options::default()
    };
    let measured = |frames: usize, scenarios| {
        let mut dice = networks::Dice(batch.input ^ 1);
        let input = &graph.nodes()[0].fact;
        let frames = Array2::from_shape_simple_fn((frames, input.shape.elements()), || {
            dice.value(input.format.encoding) as i32
        });
        let report = sim::prove(&graph, &folder, frames.view(), &options(scenarios))
            .map_err(|error| error.to_string())?;
        report.check().map_err(|error| format!("{error}\n{graph}"))?;
        Ok::<_, String>(report.measured)
    };
    let mut found = measured(10, vec![Scenario::unstalled(), Scenario::stalled(80, 80), Scenario::reset(2)])?;
    if found.is_some_and(|found| found.ii < plan.cycles.ii) {
        found = measured(SETTLED, vec![Scenario::unstalled()])?;
    }
    match found {
        Some(found) if found == plan.cycles => Ok(chosen.len()),
        found => Err(format!("planned {:?}, measured {found:?}\n{graph}", plan.cycles)),
    }
}

#[test]
fn random_networks_become_right_circuits() {
    if let Err(error) = Tool::find(ToolKind::Verilator) {
        println!("skipped: {error}");
        return;
    }
    let asked = std::env::var(VARIABLE).ok().and_then(|text| text.parse().ok());
    let config = Config { max_shrink_iters: 40, failure_persistence: None, ..Config::default() };
    let mut runner = match asked {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    let wanted = asked.unwrap_or(10);
    let refused = RefCell::new(BTreeMap::new());
    let mut done = 0;
    while done < wanted {
        let batch = batches().new_tree(&mut runner).unwrap();
        let count = RefCell::new(0);
        let outcome = runner.run_one(batch, |batch| {
            *count.borrow_mut() = proved(&batch, &refused).map_err(TestCaseError::fail)?;
            Ok(())
        });
        match outcome {
            Ok(_) => done += count.into_inner(),
            Err(TestError::Fail(reason, batch)) => panic!("{reason}\nof {batch:?}"),
            Err(TestError::Abort(reason)) => panic!("{reason}"),
        }
    }
    println!("{done} random networks proved; refused: {:#?}", refused.borrow());
    let refusals: usize = refused.borrow().values().sum();
    assert!(refusals < done, "more networks have no circuit than have one: {refusals} beside {done}");
}

#[test]
fn a_circuit_whose_buffers_fill_for_many_frames_comes_to_the_planned_cycles() {
    if let Err(error) = Tool::find(ToolKind::Verilator) {
        println!("skipped: {error}");
        return;
    }
    let networks = vec![
        vec![2_448_542_427_977_715_553, 14_063_257_449_338_069_544],
        vec![
            755_202_621_729_484_067,
            15_967_665_393_047_408_810,
            9_626_444_884_158_684_592,
            6_753_868_009_926_389_604,
        ],
    ];
    let batch = Batch { input: 5_762_072_465_716_965_969, networks, foldings: 8_034_991_283_526_030_328 };
    assert_eq!(proved(&batch, &RefCell::default()), Ok(2));
}

/// A pipeline through several stages beside other readers of the input.
#[test]
fn a_run_beside_other_readers_waits_for_them() {
    let networks = vec![
        vec![
            9_082_510_989_342_967_327,
            11_599_423_587_631_062_671,
            14_882_634_364_130_432_547,
            6_575_825_650_894_769_642,
            8_877_568_382_754_225_529,
        ],
        vec![10_980_945_700_348_248_478, 11_608_525_725_168_063_452, 11_183_665_489_646_116_755],
        vec![13_755_776_355_575_252_274, 1_272_222_090_156_458_087],
    ];
    let batch = Batch { input: 6_925_288_467_114_857_573, networks, foldings: 17_022_735_639_297_699_499 };
    let (graph, _) = batch.graph(&[0, 1, 2]);
    assert_eq!(batch.plan(&graph).unwrap().cycles.ii, 9);
}

#[test]
fn networks_that_once_failed_are_right_circuits() {
    if let Err(error) = Tool::find(ToolKind::Verilator) {
        println!("skipped: {error}");
        return;
    }
    // An unrolled layer behind one that can only give 0: sums that no output reads.
    let unread = vec![72_413_318_129_613_710, 11_141_400_736_734_825_099, 10_346_561_944_415_699_940];
    // A stream that is widened before its stage, and vectors that are gathered within.
    let gathered = vec![17_331_918_952_345_533_882, 10_217_957_929_690_156_841];
    // A sum of bipolar operands.
    let bipolar = vec![10_518_130_236_976_991_132];
    // Lanes that hold no activation, beside weights that are never 0.
    let idle = vec![15_267_335_087_596_627_545, 11_218_649_827_912_788_500];
    // A row of results that sees padding alone.
    let padded = vec![4_273_123_154_731_422_118];
    // An argmax with a requantizer behind it.
    let followed = vec![12_458_949_134_031_960_941, 4_914_918_623_644_087_022, 17_208_406_896_353_666_991];
    // The same, of inputs that are always 0.
    let empty = vec![
        7_483_143_375_574_572_871,
        13_376_459_752_077_081_008,
        5_517_821_170_536_529_797,
        9_237_023_419_032_066_311,
    ];
    // Several pixels at once of a window whose stride passes over banks.
    let alone = vec![16_324_415_699_325_526_248];
    let passed = vec![
        9_886_083_622_873_338_607,
        14_088_568_352_835_608_296,
        3_046_998_546_813_245_541,
        15_324_319_781_971_375_776,
    ];
    // A flattened input that another reads pixel by pixel, in beats that its channels do not fill.
    let three = vec![
        vec![8_190_880_298_980_765_977, 16_250_212_461_761_024_329],
        vec![
            13_897_949_283_313_382_366,
            4_101_453_006_198_833_401,
            2_029_351_851_954_364_162,
            8_324_727_967_626_017_876,
        ],
        vec![10_107_935_579_631_538_398],
    ];
    for (input, networks, foldings) in [
        (15_000_935_189_876_686_929, vec![unread], 3_755_611_149_450_586_710),
        (8_505_466_843_550_212_599, vec![gathered], 8_582_531_845_455_704_743),
        (5_346_808_241_252_939_664, vec![bipolar], 4_515_015_591_130_056_752),
        (12_528_459_271_665_939_589, vec![padded], 16_774_577_531_701_769_476),
        (14_887_466_184_545_774_820, vec![idle], 15_598_415_117_773_674_214),
        (13_564_141_844_884_392_969, vec![followed], 10_985_585_777_503_319_429),
        (4_571_760_288_360_122_251, vec![empty], 5_749_722_467_589_586_410),
        (4_955_546_653_002_435_529, vec![alone, passed], 9_392_339_235_850_287_076),
        (11_356_207_495_754_879_891, three, 10_510_002_779_143_319_407),
    ] {
        let count = networks.len();
        let batch = Batch { input, networks, foldings };
        assert_eq!(proved(&batch, &RefCell::default()), Ok(count));
    }
}
