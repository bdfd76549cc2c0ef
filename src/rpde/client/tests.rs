//! The client against a server that answers with canned bytes on loopback, from a thread of its own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread::{JoinHandle, spawn};

use super::*;
use crate::domain::Instant;

/// After this the server hangs up, so that a mistake fails a test instead of holding it for ever.
const PATIENCE: Duration = Duration::from_secs(20);
const SECRET: &str = "a-secret-key";

/// What the server does after it has read a request and written its bytes.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Close,
    /// Keeps the connection open without a byte until the client closes it.
    Stall,
}

/// Answers one request and gives back its head.
fn serve_once(answer: Vec<u8>, then: Then) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let thread = spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = read_head(&mut stream);
        // The client may hang up in the middle of a body that is too large.
        let _ = stream.write_all(&answer);
        if then == Then::Stall {
            let _ = stream.read(&mut [0]);
        }
        head
    });
    (base, thread)
}

/// Waits for a server without holding up the runtime, whose tasks must run for connections to be closed.
async fn joined<T: Send + 'static>(server: JoinHandle<T>) -> T {
    tokio::task::spawn_blocking(|| server.join().unwrap()).await.unwrap()
}

fn read_head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn page(headers: &str, body: &[u8]) -> Vec<u8> {
    answer("200 OK", &format!("content-length: {}\r\n{headers}", body.len()), body)
}

fn clock() -> Clock {
    Clock::held(Instant::parse("2026-11-23T18:00:00Z").unwrap())
}

fn client(limits: Limits) -> Client {
    Client::new(ApiKey::new(SECRET).unwrap(), limits, clock())
}

/// Fetches `/feed?key=1` from a server that gives `answer`; what came of it, and the head of the request.
async fn fetch_with(limits: Limits, answer: Vec<u8>, then: Then) -> (Result<Fetched, Fault>, String) {
    let (base, server) = serve_once(answer, then);
    let client = client(limits);
    let result = client.fetch(&FeedUrl::parse(&format!("{base}/feed?key=1")).unwrap(), None).await;
    drop(client);
    if let Err(fault) = &result {
        let text = format!("{fault} {fault:?}");
        assert!(text.starts_with("/feed: ") && !text.contains('\n'), "{text}");
        assert!(!text.contains(SECRET) && !text.contains("key=1"), "{text}");
    }
    (result, joined(server).await)
}

fn body(fetched: Fetched) -> Vec<u8> {
    match fetched {
        Fetched::Page { body, .. } => body,
        Fetched::NotModified => panic!("not modified"),
    }
}

async fn fetch(answer: Vec<u8>) -> Result<Fetched, Fault> {
    fetch_with(Limits::default(), answer, Then::Close).await.0
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// gzip of `{"next":"https://h/?a=1","items":[]}`.
fn small_gzip() -> Vec<u8> {
    unhex(
        "1f8b0800000000000203ab56ca4bad2851b252ca28292928b6d2d7cfd0b74fb43554d2\
           51ca2c49cd2d56b28a8ead05006d3fd6f524000000",
    )
}

/// The gzip of so many zeros, as one member.
fn zeros_gzip(bytes: usize) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, &vec![0; bytes]).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_page_comes_whole_and_the_request_carries_the_key() {
    let (result, head) = fetch_with(Limits::default(), page("", b"{\"items\":[]}"), Then::Close).await;
    assert_eq!(body(result.unwrap()), b"{\"items\":[]}");
    let head = head.to_lowercase();
    assert!(head.starts_with("get /feed?key=1 http/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("\r\nx-api-key: {SECRET}\r\n")), "{head}");
    assert!(head.contains(&format!("\r\nuser-agent: bookable/{}\r\n", env!("CARGO_PKG_VERSION"))), "{head}");
    assert!(head.contains("\r\naccept-encoding: gzip\r\n"), "{head}");
}

#[tokio::test]
async fn the_request_line_is_the_url_byte_for_byte() {
    let visible: String = ('!'..='~').filter(|c| !"#\"'<>".contains(*c)).collect();
    let path_and_query = format!("/f%7e%41?afterTimestamp=&&a=%26%2b%2F+{visible}");
    let (base, server) = serve_once(page("", b""), Then::Close);
    let first = FeedUrl::parse(&base).unwrap();
    client(Limits::default()).fetch(&first.join_next(&format!("{base}{path_and_query}")).unwrap(), None).await.unwrap();
    assert_eq!(joined(server).await.lines().next().unwrap(), format!("GET {path_and_query} HTTP/1.1"));
}

#[tokio::test]
async fn gzip_and_chunks_are_undone() {
    let text = b"{\"next\":\"https://h/?a=1\",\"items\":[]}";
    assert_eq!(body(fetch(page("content-encoding: gzip\r\n", &small_gzip())).await.unwrap()), text);
    let chunked = answer("200 OK", "transfer-encoding: chunked\r\n", b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_eq!(body(fetch(chunked).await.unwrap()), b"abcde");
}

#[tokio::test]
async fn only_gzip_alone_is_undone() {
    let (text, zipped) = (&b"{\"next\":\"https://h/?a=1\",\"items\":[]}"[..], &small_gzip()[..]);
    let table: [(&str, &[u8], &[u8]); 10] = [
        ("content-encoding: GZip\r\n", zipped, text),
        ("content-encoding: x-gzip\r\n", zipped, text),
        ("content-encoding:  gzip \r\n", zipped, text),
        ("content-encoding: gzip\r\n", b"", b""),
        ("content-encoding: identity\r\n", text, text),
        ("content-encoding:\r\n", text, text),
        ("content-encoding: br\r\n", zipped, zipped),
        ("content-encoding: gzip, gzip\r\n", zipped, zipped),
        ("content-encoding: br, gzip\r\n", zipped, zipped),
        ("content-encoding: gzip\r\ncontent-encoding: gzip\r\n", zipped, zipped),
    ];
    for (headers, sent, expected) in table {
        assert_eq!(body(fetch(page(headers, sent)).await.unwrap()), expected, "{headers}");
    }
}

#[tokio::test]
async fn statuses_are_faults_with_their_retry_after() {
    let table = [
        ("503 Service Unavailable", "retry-after: 120\r\n", Some(120)),
        ("429 Too Many Requests", "Retry-After: Mon, 23 Nov 2026 18:01:30 GMT\r\n", Some(90)),
        ("503 Service Unavailable", "retry-after: 999999999\r\n", Some(86_400)),
        ("503 Service Unavailable", "retry-after: later\r\n", None),
        ("401 Unauthorized", "", None),
        ("404 Not Found", "", None),
        ("500 Internal Server Error", "", None),
        ("206 Partial Content", "", None),
        ("304 Not Modified", "", None),
        ("300 Multiple Choices", "location: /x\r\n", None),
        ("599 Made Up", "", None),
    ];
    for (line, headers, seconds) in table {
        let fault = fetch(answer(line, &format!("content-length: 0\r\n{headers}"), b"")).await.unwrap_err();
        let expected = Fault::Status {
            path: "/feed".to_owned(),
            status: line[..3].parse().unwrap(),
            retry_after: seconds.map(Duration::from_secs),
        };
        assert_eq!(fault, expected, "{line} {headers}");
    }
}

#[tokio::test]
async fn redirects_are_never_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}", elsewhere.local_addr().unwrap());
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let headers = format!("content-length: 0\r\nlocation: {target}/new?token=1\r\n");
        let fault = fetch(answer(status, &headers, b"")).await.unwrap_err();
        let expected = Fault::Redirected {
            path: "/feed".to_owned(),
            status: status[..3].parse().unwrap(),
            to: format!("{target}/new"),
        };
        assert_eq!(fault, expected);
    }
    let fault = fetch(answer("302 Found", "content-length: 0\r\n", b"")).await.unwrap_err();
    assert!(matches!(&fault, Fault::Redirected { to, .. } if to == "no address"), "{fault:?}");
    elsewhere.set_nonblocking(true).unwrap();
    assert_eq!(elsewhere.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock, "nobody went there with the key");
}

#[tokio::test]
async fn a_page_may_be_as_large_as_the_limit_and_no_larger() {
    let limits = Limits { page_bytes_max: 100_000, ..Limits::default() };
    let too_large = Err(Fault::TooLarge { path: "/feed".to_owned(), bytes_max: 100_000 });
    let body = vec![b'x'; 100_001];
    let unannounced = |body: &[u8]| answer("200 OK", "", body);
    let full = Ok(Fetched::Page { body: body[1..].to_vec(), validators: Validators::default() });
    assert_eq!(fetch_with(limits, page("", &body[1..]), Then::Close).await.0, full);
    assert_eq!(fetch_with(limits, unannounced(&body[1..]), Then::Close).await.0, full);
    assert_eq!(fetch_with(limits, page("", &body), Then::Close).await.0, too_large);
    assert_eq!(fetch_with(limits, unannounced(&body), Then::Close).await.0, too_large);
    let announced = answer("200 OK", "content-length: 68719476736\r\n", b"");
    assert_eq!(fetch_with(limits, announced, Then::Stall).await.0, too_large, "refused by what it announces");
}

#[tokio::test]
async fn a_gzip_bomb_stays_small() {
    let limits = Limits { page_bytes_max: 1_000_000, ..Limits::default() };
    let bomb = zeros_gzip(64 << 20);
    assert!(bomb.len() < 100_000, "a small body that would be 64 MiB");
    let fault = fetch_with(limits, page("content-encoding: gzip\r\n", &bomb), Then::Stall).await.0.unwrap_err();
    assert_eq!(fault, Fault::TooLarge { path: "/feed".to_owned(), bytes_max: 1_000_000 });
    let tame = zeros_gzip(15 * 65_536);
    let body = body(fetch_with(limits, page("content-encoding: gzip\r\n", &tame), Then::Close).await.0.unwrap());
    assert_eq!(body, vec![0; 15 * 65_536]);
    let announced = answer("200 OK", "content-length: 1000001\r\ncontent-encoding: gzip\r\n", b"");
    let fault = fetch_with(limits, announced, Then::Stall).await.0.unwrap_err();
    assert_eq!(fault.code(), "too_large", "so much is not taken compressed either: {fault}");
}

#[tokio::test]
async fn broken_answers_are_told_apart() {
    let gzip = "content-encoding: gzip\r\n";
    let small = small_gzip();
    let mut damaged = small.clone();
    damaged[20] ^= 0xff;
    let mut resized = small.clone();
    resized[small.len() - 1] = 0x7f;
    let table = [
        ("cut by length", answer("200 OK", "content-length: 100\r\n", b"{"), "interrupted"),
        ("cut in a chunk", answer("200 OK", "transfer-encoding: chunked\r\n", b"ff\r\n{"), "interrupted"),
        ("cut after a chunk", answer("200 OK", "transfer-encoding: chunked\r\n", b"1\r\n{\r\n"), "interrupted"),
        ("cut before the answer", Vec::new(), "interrupted"),
        ("cut in the head", b"HTTP/1.1 200 OK\r\ncontent-le".to_vec(), "interrupted"),
        ("not HTTP", b"SSH-2.0-OpenSSH_9.9\r\n\r\n".to_vec(), "interrupted"),
        ("cut gzip", page(gzip, &small[..small.len() - 12]), "interrupted"),
        ("not gzip", page(gzip, b"{\"items\":[]}"), "unreadable"),
        ("damaged gzip", page(gzip, &damaged), "unreadable"),
        ("gzip of another size than it says", page(gzip, &resized), "unreadable"),
        ("gzip cut by length", answer("200 OK", &format!("{gzip}content-length: 100\r\n"), &small), "interrupted"),
    ];
    for (words, answer, code) in table {
        let fault = fetch(answer).await.unwrap_err();
        assert_eq!(fault.code(), code, "{words}: {fault}");
    }
}

#[tokio::test]
async fn slowness_has_its_limits() {
    let short = Duration::from_millis(100);
    let table = [
        ("between bytes", Limits { read_timeout: short, ..Limits::default() }, page("", b"{")),
        ("in all", Limits { total_timeout: short, ..Limits::default() }, page("", b"{")),
        ("before the answer", Limits { read_timeout: short, ..Limits::default() }, Vec::new()),
    ];
    for (words, limits, mut bytes) in table {
        // One byte short, so that the client waits for more.
        bytes.pop();
        let fault = fetch_with(limits, bytes, Then::Stall).await.0.unwrap_err();
        assert_eq!(fault.code(), "timeout", "{words}: {fault}");
    }
}

#[tokio::test]
async fn nobody_there_is_a_connect_fault() {
    // Bound and never listening: nothing else can take the port, and nothing answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let fault =
        client(Limits::default()).fetch(&FeedUrl::parse(&format!("http://{address}/feed")).unwrap(), None).await;
    let fault = fault.unwrap_err();
    assert_eq!(fault.code(), "connect", "{fault}");
    assert!(fault.to_string().to_lowercase().contains("refused"), "{fault}");
}

#[tokio::test]
async fn a_server_without_tls_is_a_connect_fault() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = FeedUrl::parse(&format!("https://{}/feed", listener.local_addr().unwrap())).unwrap();
    let server = spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&answer("400 Bad Request", "", b"")).unwrap();
        let mut received = Vec::new();
        let _ = stream.read_to_end(&mut received);
        received
    });
    let fault = client(Limits::default()).fetch(&url, None).await.unwrap_err();
    assert_eq!(fault.code(), "connect", "{fault}");
    let received = joined(server).await;
    assert!(!String::from_utf8_lossy(&received).contains(SECRET));
}

/// A certificate that nobody vouches for: what somebody in between would show.
#[tokio::test]
async fn an_untrusted_certificate_is_refused_before_a_byte_of_the_request() {
    use tokio::io::AsyncReadExt;
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let key = tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = tokio_rustls::rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = FeedUrl::parse(&format!("https://localhost:{}/feed", listener.local_addr().unwrap().port())).unwrap();
    let server = tokio::spawn(async move {
        let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
        let (stream, _) = listener.accept().await.unwrap();
        let mut received = Vec::new();
        if let Ok(mut stream) = acceptor.accept(stream).await {
            let _ = stream.read_to_end(&mut received).await;
        }
        received
    });
    let fault = client(Limits::default()).fetch(&url, None).await.unwrap_err();
    assert_eq!(fault.code(), "connect", "{fault}");
    assert!(fault.to_string().contains("certificate"), "{fault}");
    assert_eq!(server.await.unwrap(), b"", "nothing was asked of a stranger");
}

#[tokio::test]
async fn a_name_without_address_is_a_dns_fault() {
    struct Nowhere;
    impl reqwest::dns::Resolve for Nowhere {
        fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
            Box::pin(async { Err("no such host".into()) })
        }
    }
    let nowhere = reqwest::Client::builder().no_proxy().dns_resolver(Nowhere).build().unwrap();
    let url = FeedUrl::parse("http://feeds.example/feed?key=1").unwrap();
    let error = nowhere.get(url.as_url().clone()).send().await.unwrap_err();
    let fault = request_fault(&url, error);
    assert_eq!(fault.code(), "dns");
    assert!(!fault.to_string().contains("key=1"), "{fault}");
}

/// Runs the first test again in a process whose environment names a proxy where nobody listens.
#[test]
fn loopback_is_asked_without_the_proxy_of_the_environment() {
    let test = "rpde::client::tests::a_page_comes_whole_and_the_request_carries_the_key";
    let mut command = Command::new(std::env::current_exe().unwrap());
    for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(name, "http://127.0.0.1:9");
    }
    let output = command.env_remove("NO_PROXY").env_remove("no_proxy").args(["--exact", test]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn wrapped_io_errors_are_found() {
    let inner = io::Error::new(io::ErrorKind::InvalidData, "bad block");
    let outer = io::Error::other(io::Error::other(inner));
    assert!(io_kinds(&outer).any(|kind| kind == io::ErrorKind::InvalidData));
    assert_eq!(chain_text(&outer), "bad block");
}

#[test]
fn the_key_is_not_in_the_clients_debug_text() {
    assert!(!format!("{:?}", client(Limits::default())).contains(SECRET));
}
