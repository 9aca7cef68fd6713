//! The `date` header of answers, from the node's clock. hyper adds one from the operating system's clock where it finds
//! none: a hidden input, which would make the bytes of two runs differ.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, UNIX_EPOCH};
use tonic::codegen::http::{HeaderValue, Response, header::DATE};
use tower::{Layer, Service};

/// Milliseconds since 1970 as the node's clock shows them.
pub type NowMs = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Gives every answer its date.
#[derive(Clone)]
pub struct Dated(pub NowMs);

/// A service with [`Dated`] answers.
#[derive(Clone)]
pub struct DatedService<S> {
    inner: S,
    now: NowMs,
}

impl<S> Layer<S> for Dated {
    type Service = DatedService<S>;
    fn layer(&self, inner: S) -> DatedService<S> {
        DatedService { inner, now: self.0.clone() }
    }
}

impl<S, Request, Body> Service<Request> for DatedService<S>
where
    S: Service<Request, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }
    fn call(&mut self, request: Request) -> Self::Future {
        let (answer, now) = (self.inner.call(request), self.now.clone());
        Box::pin(async move {
            let mut answer = answer.await?;
            // The last moment that has an HTTP date: a wrong clock must not end in a panic.
            const LAST_MS: u64 = 253_402_300_799_000;
            let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(now().min(LAST_MS)));
            if let Ok(date) = HeaderValue::from_str(&date) {
                answer.headers_mut().insert(DATE, date);
            }
            Ok(answer)
        })
    }
}
