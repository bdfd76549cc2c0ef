//! What lies beside the binary: the systemd unit, man pages, completions, the container's recipe.

use std::path::Path;
use std::process::{Command, Output};

use crate::rig::{Rig, error_text, is_here};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn succeeded(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", error_text(output));
    text
}

/// systemd knows every line of the unit, and has nothing to say against it.
#[test]
fn the_unit_is_one_that_systemd_takes() {
    if !is_here("systemd-analyze") {
        return;
    }
    let rig = Rig::empty();
    let unit = std::fs::read_to_string(root().join("data/systemd/bookable.service")).unwrap();
    assert!(unit.contains("ExecStart=/usr/bin/bookable harvest"));
    let unit = unit.replace("/usr/bin/bookable", env!("CARGO_BIN_EXE_bookable"));
    std::fs::write(rig.path("bookable.service"), unit).unwrap();
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(rig.path("bookable.service"))
        .output()
        .unwrap();
    let complaints = error_text(&output);
    assert!(output.status.success() && !complaints.contains("bookable.service"), "{complaints}");
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=25"])
        .arg(rig.path("bookable.service"))
        .output()
        .unwrap();
    succeeded(&output);
}

#[test]
fn there_is_a_man_page_for_each_command() {
    let rig = Rig::empty();
    let page = succeeded(&rig.bare(&["man"]).output().unwrap());
    assert!(page.contains(".TH bookable 1") && page.contains("bookable\\-harvest(1)"), "{page}");
    rig.bare(&["man", "pages"]).output().unwrap();
    let mut pages: Vec<String> = std::fs::read_dir(rig.path("pages"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    let help = succeeded(&rig.bare(&["--help"]).output().unwrap());
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let named = commands.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.strip_prefix("  "));
    let named = named.filter(|line| !line.starts_with(' ')).map(|line| line.split(' ').next().unwrap());
    let mut expected: Vec<String> =
        named.filter(|name| *name != "help").map(|name| format!("bookable-{name}.1")).collect();
    expected.push("bookable.1".to_owned());
    expected.sort();
    assert!(expected.contains(&"bookable-harvest.1".to_owned()), "{help}");
    assert_eq!(pages, expected);
    let harvest = std::fs::read_to_string(rig.path("pages/bookable-harvest.1")).unwrap();
    assert!(harvest.contains("\\-\\-once") && harvest.contains("poll\\-interval"), "{harvest}");
    if is_here("man") {
        let mut command = Command::new("man");
        command.args(["--warnings", "--local-file"]).args(pages.iter().map(|page| rig.path("pages").join(page)));
        let output = command.output().unwrap();
        let text = succeeded(&output);
        assert!(text.contains("--checkout-base-url") && output.stderr.is_empty(), "{}", error_text(&output));
    }
}

#[test]
fn shells_can_complete_what_is_typed() {
    let rig = Rig::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = succeeded(&rig.bare(&["completions", shell]).output().unwrap());
        assert!(script.contains("harvest") && script.contains("poll-interval"), "{shell}: {script}");
        std::fs::write(rig.path(shell), script).unwrap();
    }
    if is_here("bash") {
        let script = r#". ./bash; COMP_WORDS=(bookable har); COMP_CWORD=1; _bookable bookable har bookable; echo "${COMPREPLY[@]}""#;
        let output = Command::new("bash").args(["-c", script]).current_dir(rig.path("")).output().unwrap();
        assert_eq!(succeeded(&output).trim(), "harvest");
    }
}

#[test]
fn the_containers_recipe_passes_hadolint() {
    if is_here("hadolint") {
        let output = Command::new("hadolint").arg("data/Containerfile").current_dir(root()).output().unwrap();
        succeeded(&output);
    }
}
