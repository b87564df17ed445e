//! What azcopy says when it fails: lines of JSON on standard output, each a message; the last of them count, and a status
//! of the store stands in a summary in the text of a message.

use serde::Deserialize;
use serde_json::Value;

/// One line.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    message_type: String,
    message_content: String,
}

/// Why it failed; `None`: these are no such lines, or they name no reason.
pub fn why(stdout: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    messages.filter_map(|message| reason(&message)).next_back()
}

fn reason(message: &Message) -> Option<String> {
    if message.message_type == "Error" {
        return Some(message.message_content.clone());
    }
    let summary: Value = serde_json::from_str(&message.message_content).ok()?;
    let failed = summary["FailedTransfers"].as_array()?.first()?;
    let code = failed["ErrorCode"].as_str().filter(|code| *code != "0")?;
    Some(format!("the store answered {code}"))
}

#[cfg(test)]
mod tests {
    use super::why;

    #[test]
    fn the_reason_is_found_wherever_azcopy_10_tells_it() {
        let line = |kind: &str, content: &str| {
            serde_json::json!({ "MessageType": kind, "MessageContent": content }).to_string()
        };
        let scanning = line("Info", "INFO: Scanning...");
        let denied = r#"{"JobStatus":"Cancelled","FailedTransfers":[{"ErrorCode":"403"}]}"#;
        let lines = [scanning.clone(), line("EndOfJob", denied)].join("\n");
        assert_eq!(why(lines.as_bytes()).as_deref(), Some("the store answered 403"));
        let lines =
            [scanning.clone(), line("Error", "Cannot perform copy: RESPONSE 404")].join("\n");
        assert_eq!(why(lines.as_bytes()).as_deref(), Some("Cannot perform copy: RESPONSE 404"));
        let well = r#"{"JobStatus":"Completed","FailedTransfers":[]}"#;
        assert_eq!(why(line("EndOfJob", well).as_bytes()), None);
        for other in [&b"An error occurred (403)"[..], b"", b"{", b"\xff\n{}"] {
            assert_eq!(why(other), None);
        }
    }
}
