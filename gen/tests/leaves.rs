//! The leaves of `templates/lib` by themselves: lint-clean over a matrix of parameters, and right under random stalls.

#[path = "leaves/array.rs"]
mod array;
#[path = "leaves/bench.rs"]
mod bench;
#[path = "leaves/case.rs"]
mod case;
#[path = "leaves/lint.rs"]
mod lint;
#[path = "leaves/pool.rs"]
mod pool;
#[path = "leaves/requantize.rs"]
mod requantize;
#[path = "leaves/stream.rs"]
mod stream;
#[path = "leaves/tools.rs"]
mod tools;
#[path = "leaves/window.rs"]
mod window;

use bench::Bench;
use tools::Verilator;

#[test]
fn leaves_compute_what_they_say_under_random_stalls_and_a_flipped_rom_bit_is_noticed() {
    let Some(verilator) = Verilator::find() else { return };
    let mut cases = stream::cases();
    cases.extend(window::cases());
    cases.extend(array::cases());
    cases.extend(requantize::cases());
    cases.extend(pool::cases());
    let mutable: Vec<usize> = (0..cases.len()).filter(|index| array::is_mutable(&cases[*index])).collect();
    let names: Vec<String> = mutable.iter().map(|index| cases[*index].name.clone()).collect();
    let bench = Bench::build(&verilator, "all", cases);
    bench.check();

    mutable.into_iter().for_each(|index| bench.flip_bit(index, 0));
    let outcomes = bench.run();
    assert!(!names.is_empty());
    for name in names {
        let errors = outcomes[&name].errors;
        assert!(errors.iter().all(|errors| errors.is_some_and(|count| count > 0)), "{name}: {errors:?}");
    }
}

#[test]
fn leaves_are_lint_clean_over_a_matrix_of_parameters() {
    let Some(verilator) = Verilator::find() else {
        return;
    };
    lint::check(&verilator);
}
