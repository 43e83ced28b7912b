//! Reads the sources and holds them to the rules that no compiler knows: who may import whom, what the library never
//! uses, how long a file may be. Every complaint says where, and what to do.

use std::fs;
use std::path::{Path, PathBuf};

/// Which modules a module may import besides itself, and why nothing else.
struct Layer {
    module: &'static str,
    imports: &'static [&'static str],
    because: &'static str,
}

const LAYERS: &[Layer] = &[
    Layer { module: "clock", imports: &[], because: "time is plain numbers that everything else counts in" },
    Layer {
        module: "rng",
        imports: &["api"],
        because: "a stream needs a seed and the hash of its purpose, nothing else",
    },
    Layer {
        module: "api",
        imports: &["clock"],
        because: "objects are data; what is done with them lies above",
    },
    Layer {
        module: "apiserver",
        imports: &["api", "clock", "rng"],
        because: "the only writer must not know who asks it to write",
    },
    Layer {
        module: "client",
        imports: &["apiserver", "api", "clock", "rng"],
        because: "it stands between the API server and the components, and knows none of them",
    },
    Layer { module: "scheduler", imports: COMPONENT, because: SIBLINGS },
    Layer { module: "controllers", imports: COMPONENT, because: SIBLINGS },
    Layer { module: "kubelet", imports: COMPONENT, because: SIBLINGS },
    Layer { module: "network", imports: COMPONENT, because: SIBLINGS },
    Layer { module: "kubectl", imports: COMPONENT, because: SIBLINGS },
    Layer {
        module: "sim",
        imports: &[
            "scheduler",
            "controllers",
            "kubelet",
            "network",
            "kubectl",
            "client",
            "apiserver",
            "api",
            "clock",
            "rng",
        ],
        because: "the composition root puts the components together; nothing that shows or scripts a run is below it",
    },
    Layer {
        module: "view",
        imports: &["sim", "scheduler", "controllers", "network", "apiserver", "api", "clock"],
        because: "it reads the log and the objects, and asks those who decide what they would do; it decides nothing",
    },
    Layer {
        module: "scenario",
        imports: &[
            "view",
            "sim",
            "kubectl",
            "kubelet",
            "network",
            "scheduler",
            "client",
            "apiserver",
            "api",
            "clock",
            "rng",
        ],
        because: "scripts drive a simulation from outside; comparisons with recordings also ask the scheduler alone and \
                  choose the kubelet's timings, a benchmark runs a scheduler against an API server, and a transcript is the \
                  view's story as text",
    },
    Layer {
        module: "testing",
        imports: &[
            "sim",
            "scheduler",
            "controllers",
            "kubelet",
            "client",
            "apiserver",
            "api",
            "clock",
            "rng",
        ],
        because: "builders for tests",
    },
    Layer {
        module: "ui",
        imports: &["view", "scenario", "sim", "kubectl", "api", "clock"],
        because: "a component lays out what the view has decided; of the API it knows keys, diagnostics and explanations, \
                  never objects",
    },
    Layer {
        module: "bin",
        imports: &["scenario", "sim", "clock"],
        because: "the command reads, calls and prints",
    },
];

const COMPONENT: &[&str] = &["client", "api", "clock", "rng"];
const SIBLINGS: &str = "components meet only in API objects, and reach them through their client";

/// Words that may not occur in the library, where, and what to write instead. `outside` names the places that may.
struct Ban {
    word: &'static str,
    inside: &'static [&'static str],
    outside: &'static [&'static str],
    instead: &'static str,
}

const LIBRARY: &[&str] = &["src/"];
const NOT_LIBRARY: &[&str] = &["src/ui/", "src/bin/", "src/main.rs"];
const FLOAT_FREE: &[&str] = &[
    "src/clock.rs",
    "src/rng.rs",
    "src/sim/",
    "src/client/",
    "src/controllers/",
    "src/kubelet/",
    "src/kubectl/",
];

const BANS: &[Ban] = &[
    ban("HashMap", "its order differs from run to run; use BTreeMap"),
    ban("HashSet", "its order differs from run to run; use BTreeSet"),
    ban("SystemTime", "the simulator has its own clock; take the time as an argument"),
    ban("Instant::now", "the simulator has its own clock; take the time as an argument"),
    ban("std::thread", "the order of threads is not part of the seed; push an event"),
    ban("std::sync::mpsc", "a channel is no data; keep a cursor into the log"),
    ban("RefCell", "state that changes behind a shared reference does not show in a snapshot; pass &mut"),
    ban("async fn", "nothing here waits; push an event"),
    ban("async move", "nothing here waits; push an event"),
    ban(".await", "nothing here waits; push an event"),
    ban("println!", "the library prints nothing; return the text"),
    ban("std::fs", "the library reads no files; take the text as an argument"),
    ban("std::env", "the library has no environment; take a configuration"),
    Ban {
        word: "f64",
        inside: FLOAT_FREE,
        // Their rounding is that of floats: 1.12 times 25 pods are 29 to the autoscaler.
        outside: &["src/controllers/podautoscaler/", "src/controllers/endpointslice/topology.rs"],
        instead: "time and counts are integers; use microseconds, milli-units or a ratio of integers",
    },
    Ban {
        word: "k8s",
        inside: &["src/ui/"],
        outside: &[],
        instead: "the page shows what the view says; add what is missing to the view",
    },
    Ban {
        word: "MetaExt",
        inside: &["src/ui/"],
        outside: &[],
        instead: "the page shows what the view says; add what is missing to the view",
    },
    Ban { word: concat!("todo", "!("), inside: LIBRARY, outside: &[], instead: "finish it, or leave it out" },
    Ban {
        word: concat!("unimplemented", "!("),
        inside: LIBRARY,
        outside: &[],
        instead: "finish it, or leave it out",
    },
    Ban { word: concat!("dbg", "!("), inside: LIBRARY, outside: &[], instead: "remove it" },
];

const fn ban(word: &'static str, instead: &'static str) -> Ban {
    Ban { word, inside: LIBRARY, outside: NOT_LIBRARY, instead }
}

const LINES_MAX: usize = 600;

/// Files that may be longer, how much, and why.
const LONG: &[(&str, usize, &str)] = &[];

#[test]
fn modules_import_only_what_lies_below_them() {
    let mut complaints = Vec::new();
    for file in sources() {
        let module = module_of(&file);
        let Some(layer) = LAYERS.iter().find(|layer| layer.module == module) else {
            // lib.rs and main.rs only name modules.
            if !["lib", "main"].contains(&module.as_str()) {
                complaints
                    .push(format!("{}:1: module {module} has no line in LAYERS; add one", file.display()));
            }
            continue;
        };
        let first_of_tests = first_line_of_tests(&file);
        for (number, line) in code_lines(&file) {
            // In a binary, `crate` is the binary.
            let root = if ["ui", "bin"].contains(&module.as_str()) { "kubeviz::" } else { "crate::" };
            for import in imports(&line, root) {
                // Tests of every module may build their objects with the builders.
                if import == "testing" && number >= first_of_tests {
                    continue;
                }
                if import != module && !layer.imports.contains(&import.as_str()) {
                    complaints.push(format!(
                        "{}:{number}: {module} may not import {import}: {}. It may import {}",
                        file.display(),
                        layer.because,
                        layer.imports.join(", ")
                    ));
                }
            }
        }
    }
    no_complaints(&complaints);
}

#[test]
fn the_library_uses_nothing_that_could_differ_from_run_to_run() {
    let mut complaints = Vec::new();
    for file in sources() {
        let path = file.to_string_lossy().into_owned();
        let applies = |ban: &&Ban| {
            ban.inside.iter().any(|place| path.starts_with(place))
                && !ban.outside.iter().any(|place| path.starts_with(place))
        };
        let bans: Vec<&Ban> = BANS.iter().filter(applies).collect();
        for (number, line) in code_lines(&file) {
            for ban in bans.iter().filter(|ban| has_word(&line, ban.word)) {
                complaints.push(format!("{path}:{number}: {} is banned here: {}", ban.word, ban.instead));
            }
        }
    }
    no_complaints(&complaints);
}

/// The page tells its readers that these change nothing: a component that reads one makes that untrue.
#[test]
fn what_is_called_unsimulated_is_read_by_no_component() {
    use kubeviz::api::unsimulated::{FIELDS, KINDS};
    let code: Vec<(PathBuf, String)> = ["src/scheduler", "src/controllers", "src/kubelet", "src/network"]
        .into_iter()
        .flat_map(files_under)
        .map(|file| (file.clone(), fs::read_to_string(file).expect("a source file")))
        .collect();
    let read_by = |word: &str| code.iter().find(|(_, text)| text.lines().any(|line| has_word(line, word)));
    let mut wrong = Vec::new();
    for field in FIELDS.iter().flat_map(|(_, fields)| *fields) {
        if let Some((file, _)) = read_by(&format!(".{}", snake_case(field))) {
            wrong.push(format!("{field} is read in {}", file.display()));
        }
    }
    for kind in KINDS {
        if let Some((file, _)) = read_by(&format!("Kind::{}", snake_case(kind).to_uppercase())) {
            wrong.push(format!("{kind} is read in {}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "take off the lists of src/api/unsimulated.rs:\n{}", wrong.join("\n"));
    assert!(read_by(".restart_policy").is_some() && read_by("Kind::POD").is_some(), "the check sees nothing");
}

/// `setHostnameAsFQDN` as `set_hostname_as_fqdn`, `CSIDriver` as `csi_driver`.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let upper = |at: usize| letters.get(at).is_some_and(char::is_ascii_uppercase);
        let ends_acronym = upper(at) && letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        if at > 0
            && upper(at)
            && (!upper(at - 1) || ends_acronym)
            && !(name.ends_with("IPs") && at + 2 >= letters.len())
        {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[test]
fn files_stay_short_enough_to_read() {
    let mut complaints = Vec::new();
    for file in sources() {
        let path = file.to_string_lossy().into_owned();
        let lines = read(&file).lines().count();
        let allowed = LONG.iter().find(|(long, ..)| *long == path).map_or(LINES_MAX, |(_, lines, _)| *lines);
        if lines > allowed {
            complaints
                .push(format!("{path}:{allowed}: {lines} lines, at most {allowed}; split it by subject"));
        }
    }
    for (path, _, why) in LONG {
        if !Path::new(path).exists() {
            complaints.push(format!("{path}:1: is gone; take its line ({why}) out of LONG"));
        }
    }
    no_complaints(&complaints);
}

#[test]
fn every_fixture_belongs_to_a_test() {
    let mut complaints = Vec::new();
    for out in files_under("tests/scenarios").into_iter().filter(|path| has_end(path, "out")) {
        if !out.with_extension("yaml").exists() {
            complaints.push(format!("{}:1: there is no scenario beside it; delete it", out.display()));
        }
    }
    let users: String = files_under("tests")
        .iter()
        .chain(&sources())
        .filter(|path| ["rs", "yaml", "ts", "sh"].iter().any(|end| has_end(path, end)))
        .map(|path| read(path))
        .collect();
    for fixture in files_under("tests/fixtures") {
        let name = fixture.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !users.contains(&name) {
            complaints.push(format!("{}:1: nothing reads it; use it or delete it", fixture.display()));
        }
    }
    no_complaints(&complaints);
}

#[track_caller]
fn no_complaints(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Every Rust file of the package's sources, sorted.
fn sources() -> Vec<PathBuf> {
    files_under("src").into_iter().filter(|path| has_end(path, "rs")).collect()
}

fn files_under(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn has_end(path: &Path, end: &str) -> bool {
    path.extension().is_some_and(|extension| extension == end)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `src/sim/queue.rs` belongs to `sim`, `src/clock.rs` to `clock`.
fn module_of(file: &Path) -> String {
    let name = file.components().nth(1).map(|part| part.as_os_str().to_string_lossy().into_owned());
    name.unwrap_or_default().trim_end_matches(".rs").to_string()
}

/// From which line on a file is only compiled for tests.
fn first_line_of_tests(file: &Path) -> usize {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if ["tests.rs", "test_support.rs"].contains(&name.as_str()) {
        return 1;
    }
    let mark = code_lines(file).into_iter().find(|(_, line)| line.trim() == "#[cfg(test)]");
    mark.map_or(usize::MAX, |(number, _)| number)
}

/// The lines of a file without comments, numbered from 1.
fn code_lines(file: &Path) -> Vec<(usize, String)> {
    let without_comment = |line: &str| {
        let code = line.trim_start();
        if code.starts_with("//") {
            String::new()
        } else {
            line.split(" // ").next().unwrap_or("").to_string()
        }
    };
    read(file).lines().enumerate().map(|(index, line)| (index + 1, without_comment(line))).collect()
}

/// The modules that a line names after `root`. A list of modules in braces would escape this, and is refused.
fn imports(line: &str, root: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find(root) {
        let before = rest[..at].chars().next_back();
        rest = &rest[at + root.len()..];
        let name: String =
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '{')).collect();
        let inside_path = before.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '$'));
        if !inside_path && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '{') {
            found.push(name);
        }
    }
    found
}

/// Whether `word` occurs and is not a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let joins_before = word.starts_with(|c: char| c.is_ascii_alphanumeric());
        let joins_after = word.ends_with(|c: char| c.is_ascii_alphanumeric());
        !(joins_before && part(line[..at].chars().next_back())
            || joins_after && part(line[at + word.len()..].chars().next()))
    })
}

#[test]
fn the_checks_themselves_see_what_they_are_for() {
    assert_eq!(imports("use crate::api::Pod; let x = crate::sim::Config::new();", "crate::"), ["api", "sim"]);
    assert_eq!(imports("use crate::{api, sim};", "crate::"), ["{api"]);
    assert_eq!(imports("use kubeviz::view::Stage;", "kubeviz::"), ["view"]);
    let names = ["hostIPC", "setHostnameAsFQDN", "externalIPs", "CSIDriver", "APIService", "stdin"];
    let snakes = ["host_ipc", "set_hostname_as_fqdn", "external_ips", "csi_driver", "api_service", "stdin"];
    assert_eq!(names.map(snake_case), snakes);
    assert!(has_word("let x: f64 = 1.0;", "f64"));
    assert!(!has_word("self.my_f64s()", "f64"));
    assert!(has_word("foo().await;", ".await"));
}
