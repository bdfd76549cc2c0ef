//! TLS as PostgreSQL begins it: asked for in the clear, and then spoken or not. What is not verified is not spoken with.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::{MirrorError, Result};

/// Makes a private connection of an open one. The server's certificate must be for `host`, vouched for by the machine's
/// authorities or one in the file `roots`.
pub(super) async fn secure(mut stream: TcpStream, host: &str, roots: Option<&Path>) -> Result<TlsStream<TcpStream>> {
    let action = "speak TLS";
    let failed = |source| MirrorError::Network { action, source };
    let connector = TlsConnector::from(Arc::new(config(roots)?));
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(io::Error::other(error)))?;
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    stream.write_all(&request).await.map_err(failed)?;
    if stream.read_u8().await.map_err(failed)? != b'S' {
        let words =
            "the server does not speak TLS; set ssl = on there, or write sslmode=disable where the network is trusted";
        return Err(MirrorError::Unfit(words.to_owned()));
    }
    connector.connect(name, stream).await.map_err(failed)
}

fn config(roots: Option<&Path>) -> Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let unfit = |error: &dyn std::fmt::Display| MirrorError::Unfit(format!("cannot set up TLS: {error}"));
    let roots = match roots {
        Some(path) => read_roots(path)?,
        None => Vec::new(),
    };
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider)).map_err(|error| unfit(&error))?;
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| unfit(&error))?;
    // "Dangerous" is what rustls calls every verifier that it does not make itself; this one is the platform's.
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

fn read_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>);
    match read {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        Ok(_) => Err(MirrorError::Unfit(format!("sslrootcert: {} holds no certificate", path.display()))),
        Err(error) => Err(MirrorError::Unfit(format!("sslrootcert: cannot read {}: {error}", path.display()))),
    }
}
