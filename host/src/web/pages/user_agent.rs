//! A `User-Agent` in plain words, so that its owner recognises a browser in a list. Never trusted: anybody may send
//! any. Only words of ours are shown, nothing of what was sent.

/// Browser and system, as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The browser's name.
    pub browser: Option<&'static str>,
    /// The system's name.
    pub system: Option<&'static str>,
    /// Whether it is a telephone or a tablet.
    pub is_mobile: bool,
}

/// Marks of browsers. Most claim to be others as well, so the order decides.
const BROWSERS: [(&str, &str); 12] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

/// Marks of systems, and whether one holds it in the hand. Here too the order decides: iPads and Android say more.
const SYSTEMS: [(&str, &str, bool); 8] = [
    ("iPhone", "iPhone", true),
    ("iPad", "iPad", true),
    ("Android", "Android", true),
    ("Windows", "Windows", false),
    ("CrOS", "ChromeOS", false),
    ("Macintosh", "macOS", false),
    ("Mac OS X", "macOS", false),
    ("Linux", "Linux", false),
];

impl Seen {
    /// Reads a `User-Agent`.
    pub fn of(user_agent: &str) -> Self {
        let browser = BROWSERS.iter().find(|(mark, _)| user_agent.contains(mark));
        let system = SYSTEMS.iter().find(|(mark, ..)| user_agent.contains(mark));
        Self {
            browser: browser.map(|(_, name)| *name),
            system: system.map(|(_, name, _)| *name),
            is_mobile: system.is_some_and(|(.., mobile)| *mobile),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_browsers_are_recognised() {
        let seen = |user_agent| {
            let seen = Seen::of(user_agent);
            (seen.browser, seen.system, seen.is_mobile)
        };
        for (user_agent, browser, system, mobile) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0",
                "Firefox",
                "Windows",
                false,
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 \
                 Safari/537.36 Edg/131.0.0.0",
                "Edge",
                "Windows",
                false,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/18.1 Safari/605.1.15",
                "Safari",
                "macOS",
                false,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 CriOS/131.0 Mobile/15E148 Safari/604.1",
                "Chrome",
                "iPhone",
                true,
            ),
            (
                "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 \
                 Mobile Safari/537.36",
                "Chrome",
                "Android",
                true,
            ),
        ] {
            assert_eq!(
                seen(user_agent),
                (Some(browser), Some(system), mobile),
                "{user_agent}"
            );
        }
        assert_eq!(seen("<b>something else</b>"), (None, None, false));
        assert_eq!(seen("curl/8.5.0"), (Some("curl"), None, false));
    }
}
