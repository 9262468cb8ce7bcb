//! A time in an argument: seconds, or a number with a unit. Two commands use this form.

use std::time::Duration;

/// A time that may be 0.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let seconds = text.bytes().all(|byte| byte.is_ascii_digit());
    if let (true, Ok(seconds)) = (seconds, text.parse()) {
        return Ok(Duration::from_secs(seconds));
    }
    humantime::parse_duration(text).map_err(|_| {
        "it must be seconds, or a number with a unit: 500ms, 30s, 5m, 1h or 1d".to_owned()
    })
}

/// A time of at least one millisecond.
pub(crate) fn positive_time(text: &str) -> Result<Duration, String> {
    match time(text)? {
        time if time.as_millis() == 0 => Err("it must be 1ms or more".to_owned()),
        time => Ok(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_have_units() {
        assert_eq!(time("5"), Ok(Duration::from_secs(5)));
        assert_eq!(time("0"), Ok(Duration::ZERO));
        assert_eq!(positive_time("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(positive_time("1d"), Ok(Duration::from_secs(86_400)));
        assert_eq!(positive_time("250ms"), Ok(Duration::from_millis(250)));
        for text in [
            "",
            "h",
            "0",
            "0ms",
            "1 fortnight",
            "-1",
            "99999999999999999999",
        ] {
            assert!(positive_time(text).is_err(), "{text}");
        }
    }
}
