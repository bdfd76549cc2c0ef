//! What was typed on the command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod find;

pub(super) use find::{Export, ExportFormat, Filters, Format, Search};

/// Keeps a local `SQLite` catalogue of the leisure sessions in the imin Firehose that can be booked right now.
#[derive(Debug, Parser)]
#[command(name = "bookable", version, about, max_term_width = 110, disable_help_subcommand = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) settings: SettingFlags,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The settings as flags. Each can also be a `BOOKABLE_*` environment variable or a line of the settings file.
#[derive(Args, Debug)]
#[command(next_help_heading = "Settings")]
pub(super) struct SettingFlags {
    /// The settings file [default: bookable.toml, if there]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Where the feeds lie
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = "Where the feeds lie [default: https://firehose.imin.co/firehose/standard/]"
    )]
    firehose_url: Option<OsString>,
    /// The scheduled-sessions feed, where it lies elsewhere
    #[arg(long, global = true, value_name = "URL")]
    scheduled_sessions_url: Option<OsString>,
    /// The session-series feed, where it lies elsewhere
    #[arg(long, global = true, value_name = "URL")]
    session_series_url: Option<OsString>,
    /// Harvest facility uses and slots too
    #[arg(
        long,
        global = true,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        help = "Harvest facility uses and slots too [default: false]"
    )]
    slots: Option<OsString>,
    /// The facility-uses feed, where it lies elsewhere
    #[arg(long, global = true, value_name = "URL")]
    facility_uses_url: Option<OsString>,
    /// The slots feed, where it lies elsewhere
    #[arg(long, global = true, value_name = "URL")]
    slots_url: Option<OsString>,
    /// The path of a slot's page at the Checkout, such as /v1/slots/{identifier}; imin documents none
    #[arg(long, global = true, value_name = "PATH")]
    slot_checkout_path: Option<OsString>,
    /// Your name as a broker: only what its bookable-sellers feed lists is bookable
    #[arg(long, global = true, value_name = "NAME")]
    broker: Option<OsString>,
    /// The broker's bookable-sellers feed, where it lies elsewhere
    #[arg(long, global = true, value_name = "URL")]
    bookable_sellers_url: Option<OsString>,
    /// The datasets to be named as sources, where they lie elsewhere
    #[arg(long, global = true, value_name = "URL")]
    datasets_url: Option<OsString>,
    /// Your Checkout's host, such as checkout.example.org
    #[arg(long, global = true, value_name = "HOST")]
    checkout_base_url: Option<OsString>,
    /// A file that holds the API key
    #[arg(long, global = true, value_name = "FILE", help = "A file that holds the API key (or set BOOKABLE_API_KEY)")]
    api_key_file: Option<OsString>,
    /// Your name as the Checkout shows it
    #[arg(long, global = true, value_name = "NAME")]
    broker_name: Option<OsString>,
    /// Your home page
    #[arg(long, global = true, value_name = "URL")]
    broker_home_url: Option<OsString>,
    /// Where the Checkout sends the customer back to
    #[arg(long, global = true, value_name = "URL")]
    broker_back_url: Option<OsString>,
    /// Where the customer's profile is
    #[arg(long, global = true, value_name = "URL")]
    broker_profile_url: Option<OsString>,
    /// A body of your own for the authenticated Checkout, with {{fields}}
    #[arg(long, global = true, value_name = "FILE")]
    checkout_template: Option<OsString>,
    /// A file that holds the key which the Success Webhook carries
    #[arg(long, global = true, value_name = "FILE")]
    webhook_key_file: Option<OsString>,
    /// A file that holds the token which apps must carry to `serve`
    #[arg(long, global = true, value_name = "FILE")]
    serve_token_file: Option<OsString>,
    /// The bookings [default: beside the catalogue, bookings.db]
    #[arg(long, global = true, value_name = "FILE")]
    bookings: Option<OsString>,
    /// How long bookings are kept: 400d, 12h, forever [default: 400d]
    #[arg(long, global = true, value_name = "TIME")]
    bookings_keep: Option<OsString>,
    /// The catalogue [default: catalogue.db]
    #[arg(long, global = true, value_name = "FILE")]
    catalogue: Option<OsString>,
    /// The state [default: beside the catalogue, catalogue.state.db]
    #[arg(long, global = true, value_name = "FILE")]
    state: Option<OsString>,
    /// How long the catalogue tells of its changes: 7d, 12h, off [default: off]
    #[arg(long, global = true, value_name = "TIME")]
    change_log: Option<OsString>,
    /// A PostgreSQL database to publish the catalogue to as well: a URL, or a file that holds one
    #[arg(long, global = true, value_name = "URL|FILE")]
    postgres: Option<OsString>,
    /// Time between two requests for a last page [default: 8s]
    #[arg(long, global = true, value_name = "TIME")]
    poll_interval: Option<OsString>,
    /// What the catalogue does when a feed is older than 24 hours: keep or empty [default: keep]
    #[arg(long, global = true, value_name = "keep|empty")]
    when_stale: Option<OsString>,
    /// Where `harvest` serves /metrics and /health: a port (on loopback) or an address with one
    #[arg(long, global = true, value_name = "ADDRESS")]
    metrics: Option<OsString>,
    /// text or json [default: text]
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<OsString>,
    /// error, warn, info, debug or trace [default: info]
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<OsString>,
    /// Where the log goes instead of standard error; SIGHUP opens it anew
    #[arg(long, global = true, value_name = "FILE")]
    log_file: Option<OsString>,
}

impl SettingFlags {
    /// The flags that were given, by the settings' names.
    pub(super) fn given(&self) -> BTreeMap<&'static str, OsString> {
        let all = [
            ("firehose_url", &self.firehose_url),
            ("scheduled_sessions_url", &self.scheduled_sessions_url),
            ("session_series_url", &self.session_series_url),
            ("slots", &self.slots),
            ("facility_uses_url", &self.facility_uses_url),
            ("slots_url", &self.slots_url),
            ("slot_checkout_path", &self.slot_checkout_path),
            ("broker", &self.broker),
            ("bookable_sellers_url", &self.bookable_sellers_url),
            ("datasets_url", &self.datasets_url),
            ("checkout_base_url", &self.checkout_base_url),
            ("api_key_file", &self.api_key_file),
            ("broker_name", &self.broker_name),
            ("broker_home_url", &self.broker_home_url),
            ("broker_back_url", &self.broker_back_url),
            ("broker_profile_url", &self.broker_profile_url),
            ("checkout_template", &self.checkout_template),
            ("webhook_key_file", &self.webhook_key_file),
            ("serve_token_file", &self.serve_token_file),
            ("bookings", &self.bookings),
            ("bookings_keep", &self.bookings_keep),
            ("catalogue", &self.catalogue),
            ("state", &self.state),
            ("change_log", &self.change_log),
            ("postgres", &self.postgres),
            ("poll_interval", &self.poll_interval),
            ("when_stale", &self.when_stale),
            ("metrics", &self.metrics),
            ("log_format", &self.log_format),
            ("log_level", &self.log_level),
            ("log_file", &self.log_file),
        ];
        all.into_iter().filter_map(|(name, text)| Some((name, text.clone()?))).collect()
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Walk the feeds and keep the catalogue right, as items arrive and as time passes, until SIGTERM or SIGINT
    Harvest(Harvest),
    /// Tell whether all is well: feeds, positions, freshness, counts, reasons (exit code 1: stale or broken)
    Status(Status),
    /// Tell why a session can or cannot be booked, rule by rule
    Explain(Explain),
    /// Find sessions in the catalogue
    Search(Search),
    /// Write sessions of the catalogue to a file or to standard output
    Export(Export),
    /// Get the URL of a checkout with the customer's details filled in
    Checkout(Checkout),
    /// Serve checkout sessions to apps, and take the Success Webhook
    Serve(Serve),
    /// Show the bookings that the webhook told of
    Bookings(Bookings),
    /// Make a consistent, self-contained copy of the catalogue
    Snapshot(Snapshot),
    /// Make the catalogue anew from the state, without the network
    Rebuild,
    /// Have the feeds read again from the start by the next (or the running) harvest
    Resync(Resync),
    /// Delete everything that was harvested
    Purge(Purge),
    /// Print the settings as they are in effect, and where each comes from
    Config(Json),
    /// Print the catalogue's schema with its comments
    Schema,
    /// Serve a synthetic Firehose and Checkout on loopback
    Sandbox(Sandbox),
    /// Sandbox, harvest and a first look, on a machine without an API key
    Demo(Demo),
    /// Print what a shell needs to complete a command line
    #[command(hide = true)]
    Completions(Completions),
    /// Print the man page, or write one for each command into a folder
    #[command(hide = true)]
    Man(Man),
}

#[derive(Args, Debug)]
pub(super) struct Harvest {
    /// Stop once all feeds have been walked to their last pages
    #[arg(long)]
    pub(super) once: bool,
    /// Begin with a new state where the old one is lost, and read everything again
    #[arg(long)]
    pub(super) anew: bool,
}

#[derive(Args, Debug)]
pub(super) struct Status {
    /// Look again every two seconds, until Ctrl-C; with --json a line each time
    #[arg(long)]
    pub(super) watch: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Json {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Explain {
    /// The session's identifier or @id
    pub(super) id: String,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Checkout {
    /// The session's or slot's identifier, as the catalogue has it
    pub(super) identifier: String,
    /// The @id of the offer [default: the public adult one]
    #[arg(long, value_name = "ID")]
    pub(super) offer: Option<String>,
    /// The id that you know the customer by
    #[arg(long, value_name = "ID", conflicts_with = "customer_file")]
    pub(super) customer_id: Option<String>,
    /// A JSON file with givenName, familyName and email, or identifier; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(super) customer_file: Option<PathBuf>,
    /// A body of your own with {{fields}} [default: that of --checkout-template]
    #[arg(long, value_name = "FILE")]
    pub(super) template: Option<PathBuf>,
    /// Print the request's body and send nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Serve {
    /// The address and port to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8018")]
    pub(super) listen: std::net::SocketAddr,
}

#[derive(Args, Debug)]
pub(super) struct Bookings {
    /// One booking, by its id or the order's identifier
    pub(super) id: Option<String>,
    /// At most this many, the newest first
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(super) limit: u32,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Snapshot {
    /// The copy's file; one that is there is replaced
    pub(super) file: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct Resync {
    /// Also within seven days of the last one
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Args, Debug)]
pub(super) struct Purge {
    /// Really delete it
    #[arg(long, required = true)]
    pub(super) yes: bool,
}

#[derive(Args, Debug)]
pub(super) struct World {
    /// The seed of the synthetic world; the same seed gives the same world
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// How many sessions it has
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub(super) sessions: u32,
    /// How many slots it has
    #[arg(long, value_name = "N", default_value_t = 400)]
    pub(super) slot_count: u32,
    /// Changes a second while it runs
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(super) churn: u32,
}

#[derive(Args, Debug)]
pub(super) struct Sandbox {
    /// The loopback address and port to serve on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8017")]
    pub(super) listen: std::net::SocketAddr,
    #[command(flatten)]
    pub(super) world: World,
    /// The API key that it asks for
    #[arg(long, value_name = "KEY", default_value = "sandbox-key")]
    pub(super) key: String,
    /// Where bookings are told of by webhook
    #[arg(long, value_name = "URL", requires = "webhook_key")]
    pub(super) webhook_url: Option<String>,
    /// The made-up key that the webhook carries
    #[arg(long, value_name = "KEY", requires = "webhook_url")]
    pub(super) webhook_key: Option<String>,
    /// Faults to show, such as status=503:3,cut:1,malformed:1
    #[arg(long, value_name = "FAULTS")]
    pub(super) fault: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct Demo {
    /// Keep sandbox and harvest running until SIGTERM or SIGINT
    #[arg(long)]
    pub(super) serve: bool,
    #[command(flatten)]
    pub(super) world: World,
}

#[derive(Args, Debug)]
pub(super) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub(super) struct Man {
    /// Where the pages are written to
    pub(super) folder: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::settings::{SETTINGS, flag};

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_setting_is_a_flag_that_reaches_it() {
        for setting in SETTINGS {
            let arguments = Arguments::parse_from(["bookable", "rebuild", &format!("{}=value", flag(setting.name))]);
            assert_eq!(
                arguments.settings.given().get(setting.name),
                Some(&OsString::from("value")),
                "{}",
                setting.name
            );
        }
    }

    #[test]
    fn help_names_each_settings_default() {
        let command = Arguments::command();
        for setting in SETTINGS {
            let argument = command.get_arguments().find(|argument| argument.get_id() == setting.name).unwrap();
            let help = argument.get_help().unwrap().to_string();
            match setting.default {
                Some(default) => assert!(help.ends_with(&format!("[default: {default}]")), "{help}"),
                None => assert!(!help.contains("[default:") || ["state", "bookings"].contains(&setting.name), "{help}"),
            }
        }
    }

    #[test]
    fn the_key_is_no_flag_and_flags_may_stand_on_either_side() {
        assert!(Arguments::command().get_arguments().all(|argument| argument.get_long() != Some("api-key")));
        let before = Arguments::try_parse_from(["bookable", "--state", "s", "status"]).unwrap();
        let after = Arguments::try_parse_from(["bookable", "status", "--state", "s"]).unwrap();
        assert_eq!(before.settings.given(), after.settings.given());
        let refused = Arguments::try_parse_from(["bookable", "purge"]).unwrap_err();
        assert_eq!(refused.exit_code(), 2);
    }
}
