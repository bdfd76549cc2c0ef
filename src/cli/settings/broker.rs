//! The settings of the authenticated Checkout and of `serve`.

use std::path::{Path, PathBuf};

use super::{Failure, Settings, read_key};
use crate::checkout::{Broker, SecureUrl, Template};
use crate::serve::{Keep, Secret};

/// The largest template that is read, in bytes.
const TEMPLATE_BYTES_MAX: u64 = 64 * 1024;

impl Settings {
    /// Who sells.
    pub(in crate::cli) fn seller(&self) -> Result<Broker, Failure> {
        let url = |name: &str| -> Result<Option<SecureUrl>, Failure> {
            match self.value(name) {
                Some(_) => SecureUrl::parse(self.text(name)?).map(Some).map_err(|error| self.wrong(name, error)),
                None => Ok(None),
            }
        };
        let name = self.text("broker_name")?.to_owned();
        let home = "broker_home_url";
        let home_url = SecureUrl::parse(self.text(home)?).map_err(|error| self.wrong(home, error))?;
        let (back_url, profile_url) = (url("broker_back_url")?, url("broker_profile_url")?);
        let missing: Vec<&str> = [("--broker-back-url", &back_url), ("--broker-profile-url", &profile_url)]
            .iter()
            .filter(|(_, url)| url.is_none())
            .map(|(flag, _)| *flag)
            .collect();
        if !missing.is_empty() {
            let missing = missing.join(" and ");
            crate::cli::output::say(&format!("bookable: note: imin asks for {missing} too; they are left out"));
        }
        Ok(Broker { name, home_url, back_url, profile_url })
    }

    /// What replaces the body of a request to the authenticated Checkout.
    pub(in crate::cli) fn template(&self, flag: Option<&Path>) -> Result<Option<Template>, Failure> {
        let name = "checkout_template";
        let path = flag.map(Path::to_owned).or_else(|| self.value(name).map(|value| PathBuf::from(&value.text)));
        let Some(path) = path else { return Ok(None) };
        let text = crate::cli::output::read_file(&path, TEMPLATE_BYTES_MAX);
        text.map(|text| Some(Template::new(text)))
            .map_err(|error| Failure::settings(format!("cannot read the template {}: {error}", path.display())))
    }

    /// A secret in a file that a setting names.
    pub(in crate::cli) fn secret(&self, name: &'static str) -> Result<Option<Secret>, Failure> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let path = Path::new(&value.text);
        let text =
            read_key(path).map_err(|error| self.wrong(name, format!("cannot read {}: {error}", path.display())))?;
        let text = text.trim_end_matches(['\r', '\n']);
        let visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.len() < 16 || !visible {
            let why = "it must hold one line of at least 16 visible ASCII characters";
            return Err(self.wrong(name, format!("{}: {why}", path.display())));
        }
        Ok(Some(Secret::new(text)))
    }

    /// The bookings' file: as set, else `bookings.db` beside the catalogue.
    pub(in crate::cli) fn bookings(&self) -> PathBuf {
        let beside = || self.catalogue().with_file_name("bookings.db");
        self.value("bookings").map_or_else(beside, |value| PathBuf::from(&value.text))
    }

    /// How long bookings are kept.
    pub(in crate::cli) fn bookings_keep(&self) -> Result<Keep, Failure> {
        let text = self.text("bookings_keep")?;
        let wrong = || self.wrong("bookings_keep", format!("{text:?} is no time; write 400d, 12h or forever"));
        Keep::parse(text).ok_or_else(wrong)
    }
}
