//! `netetch explore`: resumes, estimates, and spreads over a cluster of which a part is lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use netetch::explore::Point;
use netetch::tool::{Tool, ToolKind};

mod hyperqueue;
use hyperqueue::Running;

/// A network so small that its circuits are synthesized in seconds.
const NETWORK: &str = "
netetch: 1
name: tiny
weights: weights.npz
input: {name: x, shape: [16], format: u4}
layers:
  - name: fc3
    op: dense
    outputs: 10
    weights: {codes: fc3.weight, scheme: ternary}
";

fn explore(output: &Path, arguments: &[&str]) -> Command {
    fs::create_dir_all(output).unwrap();
    let network = output.join("net.yaml");
    fs::write(&network, NETWORK).unwrap();
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits_mlp/weights.npz");
    fs::copy(weights, output.join("weights.npz")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_netetch"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("explore").arg(network).arg("--output").arg(output);
    command.args(arguments);
    command
}

fn points(output: &Path) -> Vec<Point> {
    serde_json::from_slice(&fs::read(output.join("points.json")).unwrap()).unwrap()
}

fn results(output: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(output.join("circuits")).into_iter().flatten().flatten();
    folders.map(|folder| folder.path().join("result.json")).filter(|path| path.exists()).collect()
}

fn ran(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn estimates_take_no_tools_and_show_a_front() {
    let folder = tempfile::tempdir().unwrap();
    ran(&mut explore(folder.path(), &["--estimate", "--points=8", "--target=ecp5-25k"]));
    let points = points(folder.path());
    assert!(points.len() >= 4, "{}", points.len());
    assert!(points.iter().all(|point| point.outcome.is_none()));
    let front: Vec<&Point> = points.iter().filter(|point| point.on_front).collect();
    assert!(front.len() > 2);
    for pair in front.windows(2) {
        assert!(pair[0].inferences_per_s > pair[1].inferences_per_s);
        assert!(pair[0].estimate.lut > pair[1].estimate.lut || pair[0].estimate.bram > pair[1].estimate.bram);
    }
    let csv = fs::read_to_string(folder.path().join("points.csv")).unwrap();
    assert_eq!(csv.lines().count(), points.len() + 1);
    assert!(csv.lines().all(|line| line.split(',').count() == 15), "{csv}");
    let svg = fs::read_to_string(folder.path().join("front.svg")).unwrap();
    assert_eq!(svg.matches("<circle").count(), 2 * points.len());
    assert!(!folder.path().join("circuits").exists());
}

/// What is built is built once, a result that is lost is built again, and nothing else is.
#[test]
fn a_run_goes_on_where_it_was() {
    if let Err(error) = Tool::find(ToolKind::Yosys) {
        println!("skipped: {error}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--points=3", "--target=ecp5-25k", "--jobs=2"];
    ran(&mut explore(folder.path(), &arguments));
    let first = points(folder.path());
    let measured = |points: &[Point]| points.iter().filter(|point| point.outcome.is_some()).count();
    assert_eq!(measured(&first), first.len());
    let built = results(folder.path());
    assert_eq!(built.len(), first.len());
    let times = |paths: &[PathBuf]| -> Vec<_> {
        paths.iter().map(|path| fs::metadata(path).unwrap().modified().unwrap()).collect()
    };
    fs::remove_file(&built[0]).unwrap();
    let kept = times(&built[1..]);
    let text = ran(&mut explore(folder.path(), &arguments));
    assert!(text.contains(&format!("{} of {} circuits are in", first.len() - 1, first.len())), "{text}");
    assert_eq!(times(&built[1..]), kept);
    assert_eq!(points(folder.path()), first);
}

/// The cluster is killed when some of the circuits are ready: those stay, the run says what happened, and the next one, on
/// another cluster, builds the rest.
#[test]
fn a_cluster_that_is_lost_loses_nothing() {
    let Some(python) = hyperqueue::python() else {
        println!("skipped: no Python with the package `hyperqueue`");
        return;
    };
    if let Err(error) = Tool::find(ToolKind::Yosys) {
        println!("skipped: {error}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let run = |server: &Path| {
        let server = format!("--hq-server={}", server.display());
        let arguments = ["--points=4", "--target=ecp5-25k", "--executor=hq", &server];
        let mut command = explore(&output, &arguments);
        command.env("NETETCH_HQ_PYTHON", &python).stderr(Stdio::null()).stdout(Stdio::null());
        command
    };
    let server = folder.path().join("first");
    let first = hyperqueue::cluster(&python, &server, 2);
    let mut running = Running(run(&server).spawn().unwrap());
    let deadline = Instant::now() + Duration::from_secs(400);
    while results(&output).is_empty() && running.0.try_wait().unwrap().is_none() && Instant::now() < deadline
    {
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(first);
    assert!(!running.0.wait().unwrap().success(), "a run whose cluster is gone does not end well");
    let kept = results(&output);
    assert!(!kept.is_empty());
    let texts = || -> Vec<Vec<u8>> { kept.iter().map(|path| fs::read(path).unwrap()).collect() };
    let before = texts();
    let server = folder.path().join("second");
    let second = hyperqueue::cluster(&python, &server, 2);
    assert!(run(&server).status().unwrap().success());
    drop(second);
    assert_eq!(texts(), before, "what was ready is as it was");
    let points = points(&output);
    assert!(points.len() > kept.len() && points.iter().all(|point| point.outcome.is_some()));
}
