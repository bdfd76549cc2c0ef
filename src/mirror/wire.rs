//! A connection to PostgreSQL: opening it, simple queries, and `COPY` both ways. The messages themselves are
//! `postgres_protocol`'s.
//!
//! Everything waits with a limit, and dropping a connection at any point leaves nothing half done: the server rolls back.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{AuthenticationSaslBody, DataRowBody, ErrorResponseBody, Header, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::error::{MirrorError, Result};
use super::target::{Place, Target, Tls};
use super::tls;

/// Opening a connection, TLS and password included, takes no longer.
const OPENING: Duration = Duration::from_secs(20);
/// The server is silent no longer than this in the midst of something.
const SILENCE: Duration = Duration::from_mins(2);
/// Lines are sent in pieces of this many bytes.
const PIECE_BYTES: usize = 128 * 1024;
/// A longer message is none of PostgreSQL's: we ask for numbers and short texts only.
const MESSAGE_BYTES_MAX: i32 = 1024 * 1024;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// See the module.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    incoming: BytesMut,
    outgoing: BytesMut,
    /// Whether somebody else may be listening: nothing secret is sent in the clear then.
    is_exposed: bool,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("is_exposed", &self.is_exposed).finish_non_exhaustive()
    }
}

/// A row of texts.
pub(super) type Texts = Vec<Option<String>>;

impl Connection {
    /// Connects, and proves who we are.
    pub(super) async fn open(target: &Target) -> Result<Self> {
        let opening = async {
            let mut connection = Self::reach(target).await?;
            connection.introduce(target).await?;
            Ok(connection)
        };
        within("connect", OPENING, opening).await
    }

    async fn reach(target: &Target) -> Result<Self> {
        let failed = |source| MirrorError::Network { action: "connect", source };
        let stream: Box<dyn Stream> = match (&target.place, &target.tls) {
            (Place::Socket(path), _) => Box::new(UnixStream::connect(path).await.map_err(failed)?),
            (Place::Host(host, port), Tls::Off) => {
                Box::new(TcpStream::connect((host.as_str(), *port)).await.map_err(failed)?)
            }
            (Place::Host(host, port), Tls::Verified(roots)) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(failed)?;
                Box::new(tls::secure(stream, host, roots.as_deref()).await?)
            }
        };
        let is_exposed = matches!((&target.place, &target.tls), (Place::Host(..), Tls::Off));
        Ok(Self { stream, incoming: BytesMut::new(), outgoing: BytesMut::new(), is_exposed })
    }

    async fn introduce(&mut self, target: &Target) -> Result<()> {
        let action = "log in";
        let parameters = [
            ("user", target.user.as_str()),
            ("database", &target.database),
            ("application_name", "bookable"),
            ("client_encoding", "UTF8"),
        ];
        frontend::startup_message(parameters, &mut self.outgoing).map_err(|source| network(action, source))?;
        let password = || match &target.password {
            Some(password) => Ok(password.0.as_bytes()),
            None => Err(MirrorError::Unfit("the server asks for a password, and the URL holds none".to_owned())),
        };
        loop {
            self.send(action).await?;
            match self.receive(action).await? {
                Message::AuthenticationOk => break,
                Message::AuthenticationSasl(offered) => self.prove(&offered, password()?).await?,
                Message::AuthenticationMd5Password(body) => {
                    let hash = md5_hash(target.user.as_bytes(), password()?, body.salt());
                    let made = frontend::password_message(hash.as_bytes(), &mut self.outgoing);
                    made.map_err(|source| network(action, source))?;
                }
                Message::AuthenticationCleartextPassword if !self.is_exposed => {
                    let made = frontend::password_message(password()?, &mut self.outgoing);
                    made.map_err(|source| network(action, source))?;
                }
                Message::AuthenticationCleartextPassword => {
                    let words =
                        "the server asks for the password as it is over a connection without TLS; it is not sent";
                    return Err(MirrorError::Unfit(words.to_owned()));
                }
                Message::ErrorResponse(body) => return Err(server(action, &body)),
                _ => {
                    let words = "the server asks for a proof that is not known; known are scram-sha-256, md5, password and peer";
                    return Err(MirrorError::Unfit(words.to_owned()));
                }
            }
        }
        self.until_ready(action, |_| {}).await
    }

    /// Proves that we know the password without sending it, and has the server prove that it knows it too.
    async fn prove(&mut self, offered: &AuthenticationSaslBody, password: &[u8]) -> Result<()> {
        let action = "log in";
        if !offered.mechanisms().any(|offered| Ok(offered == SCRAM_SHA_256)).unwrap_or(false) {
            return Err(MirrorError::Unfit("the server offers no SCRAM-SHA-256".to_owned()));
        }
        let failed = |source| network(action, source);
        let mut proof = ScramSha256::new(password, ChannelBinding::unsupported());
        frontend::sasl_initial_response(SCRAM_SHA_256, proof.message(), &mut self.outgoing).map_err(failed)?;
        self.send(action).await?;
        match self.receive(action).await? {
            Message::AuthenticationSaslContinue(body) => proof.update(body.data()).map_err(failed)?,
            Message::ErrorResponse(body) => return Err(server(action, &body)),
            _ => return Err(unexpected(action)),
        }
        frontend::sasl_response(proof.message(), &mut self.outgoing).map_err(failed)?;
        self.send(action).await?;
        match self.receive(action).await? {
            Message::AuthenticationSaslFinal(body) => proof.finish(body.data()).map_err(failed),
            Message::ErrorResponse(body) => Err(server(action, &body)),
            _ => Err(unexpected(action)),
        }
    }

    /// Runs SQL and gives its rows.
    pub(super) async fn query(&mut self, action: &'static str, sql: &str) -> Result<Vec<Texts>> {
        frontend::query(sql, &mut self.outgoing).map_err(|source| network(action, source))?;
        self.send(action).await?;
        let mut rows = Vec::new();
        self.until_ready(action, |message| {
            if let Message::DataRow(row) = message {
                rows.push(texts(&row));
            }
        })
        .await?;
        Ok(rows)
    }

    /// Runs a `COPY … FROM STDIN` with these lines.
    pub(super) async fn copy_in(
        &mut self,
        action: &'static str,
        sql: &str,
        lines: &mut (impl Read + Seek),
    ) -> Result<()> {
        let failed = |source| network(action, source);
        frontend::query(sql, &mut self.outgoing).map_err(failed)?;
        self.send(action).await?;
        match self.receive(action).await? {
            Message::CopyInResponse(_) => {}
            Message::ErrorResponse(body) => return Err(server(action, &body)),
            _ => return Err(unexpected(action)),
        }
        lines.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let length = lines.read(&mut piece).map_err(failed)?;
            let Some(piece) = piece.get(..length).filter(|piece| !piece.is_empty()) else { break };
            frontend::CopyData::new(piece).map_err(failed)?.write(&mut self.outgoing);
            self.send(action).await?;
        }
        frontend::copy_done(&mut self.outgoing);
        self.send(action).await?;
        self.until_ready(action, |_| {}).await
    }

    /// Runs a `COPY … TO STDOUT` and gives each line to `take`.
    pub(super) async fn copy_out(
        &mut self,
        action: &'static str,
        sql: &str,
        mut take: impl FnMut(&[u8]),
    ) -> Result<()> {
        frontend::query(sql, &mut self.outgoing).map_err(|source| network(action, source))?;
        self.send(action).await?;
        self.until_ready(action, |message| {
            if let Message::CopyData(line) = message {
                take(line.data());
            }
        })
        .await
    }

    /// Tells the server that nothing more comes.
    pub(super) async fn close(mut self) {
        frontend::terminate(&mut self.outgoing);
        let _ = self.send("take leave").await;
    }

    async fn send(&mut self, action: &'static str) -> Result<()> {
        let sending = async {
            let sent = self.stream.write_all_buf(&mut self.outgoing).await;
            sent.map_err(|source| network(action, source))?;
            self.stream.flush().await.map_err(|source| network(action, source))
        };
        within(action, SILENCE, sending).await
    }

    /// The next message, but for what the server tells unasked.
    async fn receive(&mut self, action: &'static str) -> Result<Message> {
        loop {
            if Header::parse(&self.incoming).is_ok_and(|head| head.is_some_and(|head| head.len() > MESSAGE_BYTES_MAX)) {
                return Err(unexpected(action));
            }
            match Message::parse(&mut self.incoming).map_err(|source| network(action, source))? {
                Some(Message::NoticeResponse(_) | Message::ParameterStatus(_) | Message::NotificationResponse(_)) => {}
                Some(message) => return Ok(message),
                None => {
                    let reading = async {
                        self.stream.read_buf(&mut self.incoming).await.map_err(|source| network(action, source))
                    };
                    if within(action, SILENCE, reading).await? == 0 {
                        return Err(network(action, io::Error::other("the server closed the connection")));
                    }
                }
            }
        }
    }

    /// Takes messages until the server is ready for the next query; fails with what it complained of meanwhile.
    async fn until_ready(&mut self, action: &'static str, mut take: impl FnMut(Message)) -> Result<()> {
        let mut complaint = None;
        loop {
            match self.receive(action).await {
                Ok(Message::ReadyForQuery(_)) => return complaint.map_or(Ok(()), Err),
                Ok(Message::ErrorResponse(body)) => complaint = Some(server(action, &body)),
                Ok(message) => take(message),
                // A server that goes away says why before it does.
                Err(error) => return Err(complaint.unwrap_or(error)),
            }
        }
    }
}

async fn within<T>(action: &'static str, limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    let done = tokio::time::timeout(limit, work).await;
    done.unwrap_or(Err(MirrorError::Silent { action, waited: limit }))
}

fn network(action: &'static str, source: io::Error) -> MirrorError {
    MirrorError::Network { action, source }
}

fn unexpected(action: &'static str) -> MirrorError {
    network(action, io::Error::other("the answer is not PostgreSQL's"))
}

/// What the server complains of: its code and first words, on one line. Details are left out, since they may repeat rows.
fn server(action: &'static str, body: &ErrorResponseBody) -> MirrorError {
    let mut code = String::new();
    let mut message = String::new();
    // A message that ends too soon has said what it says until there.
    let _ = body.fields().for_each(|field| {
        let text: String = String::from_utf8_lossy(field.value_bytes()).chars().take(500).collect();
        let text = text.replace(char::is_control, " ");
        match field.type_() {
            b'C' => code = text,
            b'M' => message = text,
            _ => {}
        }
        Ok(())
    });
    MirrorError::Server { action, code, message }
}

fn texts(row: &DataRowBody) -> Texts {
    let mut texts = Vec::new();
    let _ = row.ranges().for_each(|range| {
        let bytes = range.and_then(|range| row.buffer().get(range));
        texts.push(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()));
        Ok(())
    });
    texts
}
