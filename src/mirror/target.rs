//! Where the catalogue is published to: what a `postgresql://` URL says, read strictly.
//!
//! The URL may hold a password. So no error here repeats any of it, and a [`Target`] shows itself without user or password.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use thiserror::Error;
use url::Url;

const PORT: u16 = 5432;

/// A database, and how to get in.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) place: Place,
    pub(super) user: String,
    pub(super) password: Option<Password>,
    pub(super) database: String,
    pub(super) tls: Tls,
}

/// Where the server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A Unix socket.
    Socket(PathBuf),
    /// A host and port.
    Host(String, u16),
}

/// How the connection is kept private.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    /// Not at all: on this machine, or where `sslmode=disable` says so.
    Off,
    /// TLS, with a certificate for the host by the machine's authorities and those of this file.
    Verified(Option<PathBuf>),
}

/// Never shown.
#[derive(Clone)]
pub(super) struct Password(pub(super) String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Why a URL was refused, in words that repeat nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct TargetError(String);

fn refused<T>(words: impl Into<String>) -> Result<T, TargetError> {
    Err(TargetError(words.into()))
}

/// What the parameters after the `?` say.
#[derive(Default)]
struct Said {
    host: Option<String>,
    port: Option<String>,
    user: Option<String>,
    password: Option<String>,
    database: Option<String>,
    mode: Option<String>,
    roots: Option<PathBuf>,
}

impl Target {
    /// Reads `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…&sslrootcert=…`; a `host` that begins with `/` is the folder
    /// of a Unix socket. What libpq also knows and this does not is refused.
    ///
    /// # Errors
    /// [`TargetError`] where the text is no such URL.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        if !Self::is_url(text) {
            return refused("it does not begin with postgresql://");
        }
        let Ok(url) = Url::parse(text.trim()) else { return refused("it is not a URL") };
        let said = parameters(&url)?;
        let host = match said.host {
            Some(host) => host,
            None => decoded(url.host_str().unwrap_or("localhost"))?,
        };
        let port = match said.port {
            Some(port) => port.parse().or_else(|_| refused("its port is no number"))?,
            None => url.port().unwrap_or(PORT),
        };
        let user = match said.user {
            Some(user) => user,
            None => decoded(url.username())?,
        };
        if user.is_empty() {
            return refused("it names no user");
        }
        let password = match (said.password, url.password()) {
            (Some(password), _) => Some(password),
            (None, Some(password)) => Some(decoded(password)?),
            (None, None) => None,
        };
        let path = decoded(url.path().trim_start_matches('/'))?;
        let database = said.database.or((!path.is_empty()).then_some(path)).unwrap_or_else(|| user.clone());
        if [&user, &database, &host].into_iter().chain(&password).any(|text| text.contains('\0')) {
            return refused("it holds a NUL character");
        }
        let place = place(&host, port)?;
        let tls = tls(&place, said.mode.as_deref(), said.roots)?;
        Ok(Self { place, user, password: password.map(Password), database, tls })
    }

    /// Whether a text is meant as such a URL, and not as a file's name.
    pub fn is_url(text: &str) -> bool {
        ["postgresql://", "postgres://"].iter().any(|scheme| text.trim_start().starts_with(scheme))
    }

    /// Whether it holds a password.
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }
}

/// `host:port/database`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Socket(path) => write!(f, "{}", path.display())?,
            Place::Host(host, port) if host.contains(':') => write!(f, "[{host}]:{port}")?,
            Place::Host(host, port) => write!(f, "{host}:{port}")?,
        }
        write!(f, "/{}", self.database)
    }
}

fn decoded(text: &str) -> Result<String, TargetError> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map_or_else(|_| refused("it is not UTF-8"), |text| Ok(text.into_owned()))
}

fn parameters(url: &Url) -> Result<Said, TargetError> {
    let mut said = Said::default();
    for (name, value) in url.query_pairs() {
        let value = value.into_owned();
        let slot = match name.as_ref() {
            "host" => &mut said.host,
            "port" => &mut said.port,
            "user" => &mut said.user,
            "password" => &mut said.password,
            "dbname" => &mut said.database,
            "sslmode" => &mut said.mode,
            "sslrootcert" => {
                said.roots = Some(PathBuf::from(value));
                continue;
            }
            _ => {
                let known = "host, port, user, password, dbname, sslmode and sslrootcert";
                return refused(format!("it has a parameter that is not known; known are {known}"));
            }
        };
        *slot = Some(value);
    }
    Ok(said)
}

fn place(host: &str, port: u16) -> Result<Place, TargetError> {
    if host.starts_with('/') {
        return Ok(Place::Socket(Path::new(host).join(format!(".s.PGSQL.{port}"))));
    }
    if host.is_empty() || host.contains(',') {
        return refused("it must name one host");
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Ok(Place::Host(bare.to_owned(), port))
}

fn tls(place: &Place, mode: Option<&str>, roots: Option<PathBuf>) -> Result<Tls, TargetError> {
    let near = match place {
        Place::Socket(_) => return Ok(Tls::Off),
        Place::Host(host, _) => host == "localhost" || host.parse().is_ok_and(|host: IpAddr| host.is_loopback()),
    };
    match mode {
        None if near && roots.is_none() => Ok(Tls::Off),
        Some("disable") => Ok(Tls::Off),
        None | Some("require" | "verify-ca" | "verify-full") => Ok(Tls::Verified(roots)),
        Some(_) => {
            refused("its sslmode must be disable, or verify-full, which is what every other host has without it")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Target {
        Target::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_url_is_read_as_libpq_reads_it() {
        let host = |host: &str, port| Place::Host(host.to_owned(), port);
        let socket = |path: &str| Place::Socket(PathBuf::from(path));
        let (off, verified) = (Tls::Off, Tls::Verified(None));
        let table = [
            ("postgresql://u@db.example/shop", host("db.example", 5432), "shop", &verified),
            ("postgres://u:p%40ss@db.example:6000/a%20b", host("db.example", 6000), "a b", &verified),
            ("postgresql://u@db.example", host("db.example", 5432), "u", &verified),
            ("postgresql://u@db.example/shop?sslmode=require", host("db.example", 5432), "shop", &verified),
            ("postgresql://u@db.example/shop?sslmode=disable", host("db.example", 5432), "shop", &off),
            ("postgresql://u@localhost/shop", host("localhost", 5432), "shop", &off),
            ("postgresql://u@127.0.0.1/shop?sslmode=verify-full", host("127.0.0.1", 5432), "shop", &verified),
            ("postgresql://u@[::1]:6000/shop", host("::1", 6000), "shop", &off),
            ("postgresql:///shop?host=/run/postgresql&user=u", socket("/run/postgresql/.s.PGSQL.5432"), "shop", &off),
            ("postgresql://u@%2Frun%2Fpg:6000/shop", socket("/run/pg/.s.PGSQL.6000"), "shop", &off),
        ];
        for (text, place, database, tls) in table {
            let target = read(text);
            assert_eq!((&target.place, target.database.as_str(), &target.tls), (&place, database, tls), "{text}");
            assert_eq!(target.user, "u", "{text}");
        }
        assert_eq!(read("postgres://u:p%40ss@db.example/a").password.unwrap().0, "p@ss");
        let roots = read("postgres://u@db.example/a?sslrootcert=/etc/ca.pem").tls;
        assert_eq!(roots, Tls::Verified(Some(PathBuf::from("/etc/ca.pem"))));
    }

    #[test]
    fn what_is_refused_is_told_without_the_password() {
        let table = [
            ("http://u:sesame@db.example/a", "postgresql://"),
            ("postgres://db.example/a?password=sesame", "no user"),
            ("postgres://u:sesame@db.example:port/a", "not a URL"),
            ("postgres://u:sesame@one,two/a", "one host"),
            ("postgres://u:sesame@db.example/a?sslmode=prefer", "verify-full"),
            ("postgres://u:sesame@db.example/a?sesame=1", "not known"),
            ("postgres://u:sesame%00@db.example/a", "NUL"),
        ];
        for (text, expected) in table {
            let words = Target::parse(text).unwrap_err().to_string();
            assert!(words.contains(expected) && !words.contains("sesame"), "{text}: {words}");
        }
    }

    #[test]
    fn a_target_shows_neither_user_nor_password() {
        let target = read("postgres://somebody:sesame@db.example/shop");
        assert_eq!(target.to_string(), "db.example:5432/shop");
        assert!(!format!("{target:?}").contains("sesame"));
    }
}
