//! What somebody wrote, fit to be repeated in a refusal: without what may be a password.

use crate::voter::MASK;

/// A URL, or what somebody took for one, without anything that may be a password: what stands before the last `@`
/// (a raw `/`, `?` or `#` in a password makes it end early for a URL parser, so none is asked) and after a `?`.
pub(crate) fn masked_url(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('@') => (Some(scheme), rest),
        _ => (None, text),
    };
    let (had_credentials, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => (true, rest),
        None => (false, rest),
    };
    let mut masked = scheme.map_or_else(String::new, |scheme| format!("{scheme}://"));
    if !had_credentials && !shows_an_address(rest) {
        // The beginning of credentials whose end was cut off, as by a comma in a list.
        masked.push_str(MASK);
        return masked;
    }
    if had_credentials {
        masked.push_str(MASK);
        masked.push('@');
    }
    match rest.split_once('?') {
        // The one parameter we know is a number and worth showing.
        Some((_, query)) if query.strip_prefix("db=").is_some_and(is_digits) => masked.push_str(rest),
        Some((path, _)) => masked.extend([path, "?", MASK]),
        None => masked.push_str(rest),
    }
    masked
}

/// Whether what stands before the first `/`, `?` or `#` is a host, with a port or without.
fn shows_an_address(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.starts_with('[') || authority.split_once(':').is_none_or(|(_, port)| is_digits(port))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_masked_however_badly_it_is_written() {
        for url in [
            "redis://user:hunter2@host:6379/1",
            "redis://:hun/ter2@host",
            "redis://:hunter2#x@host",
            "redis://:hunter2?x@host",
            "redis://:hunter2@x@host",
            "user:hunter2@host",
            "redis://user:hunter2",
            "redis://:hunter2",
            "redis://hunter2:x",
            "a@b://:hunter2@host",
            "redis://host?password=hunter2",
            "unix:///run/r.sock?db=1&pass=hunter2",
        ] {
            let masked = masked_url(url);
            assert!(!masked.contains("hunter2") && !masked.contains("ter2"), "{masked}");
        }
        assert_eq!(masked_url("redis://u:p@host:1/2"), "redis://***@host:1/2");
        assert_eq!(masked_url("redis://host:6379/1"), "redis://host:6379/1");
        assert_eq!(masked_url("redis://[::1]:6379"), "redis://[::1]:6379");
        assert_eq!(masked_url("unix:///run/r.sock?db=1"), "unix:///run/r.sock?db=1");
    }
}
