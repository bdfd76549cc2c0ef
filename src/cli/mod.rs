//! Commands, settings, output, exit codes.
//!
//! Exit codes: 0 done; 1 failed, with the reason in one line on standard error; 2 wrong usage or settings. Data goes to
//! standard output, talk and logs to standard error. May use every other room; no other room uses this one.

mod args;
mod catalogue;
mod commands;
mod failure;
mod find;
mod form;
mod logging;
mod output;
mod progress;
mod publishing;
mod settings;
mod target;
mod words;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use commands::{
    bookings, checkout, config, demo, explain, export, harvest, purge, rebuild, resync, sandbox, schema, search, serve,
    shell, snapshot, status,
};
use failure::Failure;
use settings::Settings;

/// Runs the command line and gives the process's exit code.
pub fn main() -> ExitCode {
    keep_memory_private();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Failure::Failed(error) = &failure {
                tracing::debug!("{error:?}");
            }
            if let Some(line) = failure.line() {
                output::say(&format!("bookable: {line}"));
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Has the kernel write no core file of this process, nor show others its memory and environment: they hold the keys. Where that
/// cannot be had, nothing is lost but this.
fn keep_memory_private() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let flags = arguments.settings.given();
    let settings = Settings::resolve(&flags, &settings::environment(), arguments.settings.config.as_deref())?;
    logging::start(settings.log_format()?, settings.log_level()?, settings.log_file())?;
    match &arguments.command {
        Command::Harvest(arguments) => harvest::run(&settings, arguments),
        Command::Status(arguments) => status::run(&settings, arguments),
        Command::Explain(arguments) => explain::run(&settings, arguments),
        Command::Search(arguments) => search::run(&settings, arguments),
        Command::Export(arguments) => export::run(&settings, arguments),
        Command::Checkout(arguments) => checkout::run(&settings, arguments),
        Command::Serve(arguments) => serve::run(&settings, arguments),
        Command::Bookings(arguments) => bookings::run(&settings, arguments),
        Command::Snapshot(arguments) => snapshot::run(&settings, arguments),
        Command::Rebuild => rebuild::run(&settings),
        Command::Resync(arguments) => resync::run(&settings, arguments),
        Command::Purge(_) => purge::run(&settings),
        Command::Config(arguments) => config::run(&settings, arguments),
        Command::Schema => schema::run(),
        Command::Sandbox(arguments) => sandbox::run(arguments),
        Command::Demo(arguments) => demo::run(arguments),
        Command::Completions(arguments) => shell::completions(arguments),
        Command::Man(arguments) => shell::man(arguments),
    }
}
