//! The setting that publishes to PostgreSQL: a URL, or a file that holds one. It may hold a password, which no message repeats.

#[cfg(feature = "postgres")]
use std::path::Path;

use super::{Failure, Settings};
#[cfg(feature = "postgres")]
use super::{Origin, read_key};
use crate::cli::publishing::Target;

const NAME: &str = "postgres";

impl Settings {
    /// The database that the catalogue is published to. A URL with a password is taken from the environment or a private file only,
    /// because a flag is seen by everybody on the machine, and a settings file by many.
    #[cfg(feature = "postgres")]
    pub(in crate::cli) fn postgres(&self) -> Result<Option<Target>, Failure> {
        let Some(value) = self.value(NAME) else { return Ok(None) };
        let text = self.text(NAME)?;
        if Target::is_url(text) {
            let target = Target::parse(text).map_err(|error| self.wrong(NAME, error))?;
            if target.has_password() && value.origin != Origin::Environment {
                let why =
                    "a password does not belong here; put the URL into a file and name that, or set BOOKABLE_POSTGRES";
                return Err(self.wrong(NAME, why));
            }
            return Ok(Some(target));
        }
        // A password that was meant as a URL is not repeated either.
        if text.contains("://") {
            return Err(self.wrong(NAME, "it is neither a postgresql:// URL nor the name of a file that holds one"));
        }
        let path = Path::new(text);
        let wrong = |error: &dyn std::fmt::Display| self.wrong(NAME, format!("{}: {error}", path.display()));
        let url = read_key(path).map_err(|error| wrong(&error))?;
        Target::parse(url.trim()).map(Some).map_err(|error| wrong(&error))
    }

    /// This program cannot publish: it was built without.
    #[cfg(not(feature = "postgres"))]
    pub(in crate::cli) fn postgres(&self) -> Result<Option<Target>, Failure> {
        match self.value(NAME) {
            Some(_) => Err(self.wrong(NAME, "this program was built without it; build it with --features postgres")),
            None => Ok(None),
        }
    }
}
