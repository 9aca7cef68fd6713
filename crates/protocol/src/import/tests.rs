//! What is said of a body: where, what is wrong, and what a person probably did.

use super::*;
use serde_json::json;

const CHAT: &str = "openai-chat";

fn chat() -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
}

fn as_chat() -> ImportOptions {
    ImportOptions { format: format(CHAT), ..ImportOptions::default() }
}

fn refused(body: &Value) -> ImportError {
    import(body.to_string().as_bytes(), &as_chat()).unwrap_err()
}

// shows: RI-20
#[test]
fn who_sends_no_json_is_told_what_probably_happened() {
    let said = |bytes: &[u8]| import(bytes, &as_chat()).unwrap_err().to_string();
    for (bytes, hint) in [
        (&b"\xef\xbb\xbf{}"[..], Some("the file begins with a byte order mark: save it as UTF-8 without one")),
        (b"\xff\xfe{\0", Some("the file is UTF-16: save it as UTF-8")),
        (b"\xfe\xff\0{", Some("the file is UTF-16: save it as UTF-8")),
        (b"{\0}\0", Some("the file looks like UTF-16 without a byte order mark: save it as UTF-8")),
        (b"\0{\0}", Some("the file looks like UTF-16 without a byte order mark: save it as UTF-8")),
        (b"", Some("the file is empty")),
        (b"\x1f\x8b\x08", Some("the file is compressed with gzip: unpack it first")),
        (b"{\"a\":\"one\ntwo\"}", Some("a text spans lines: write its line ends as \\n (or \\r\\n)")),
        (b"{\"a\":1}\n\n{\"a\":2}\n", Some("the file has several documents, one on a line: import them with --batch")),
        (b"{\"a\":1}\nand more", None),
        (b"{\"a\":\n1}\n{\"a\":2}", None),
        (b"{} {\"a\":1}x", None),
        (b"{\"a\" 1}", None),
        (b"{\"a\":1,\"a\":1}", None),
    ] {
        let said = said(bytes);
        assert!(said.starts_with("the document: ") || said.starts_with("/a: "), "{said}");
        match hint {
            Some(hint) => assert!(said.ends_with(&format!(" ({hint})")), "{said}"),
            None => assert!(!said.ends_with(')'), "{said}"),
        }
    }
    assert_eq!(said(b"{\"a\":{\"b\":1e999}}"), "/a/b: NON_FINITE: 1e999 is too large for a number");
}

// shows: RI-20
#[test]
fn refusals_are_lines_with_a_place_and_no_more_than_eight_are_printed() {
    let with = |count: usize| {
        let mut body = chat();
        (0..count).for_each(|n| body[format!("surprise{n}")] = json!(1));
        refused(&body)
    };
    for (count, more) in [(1, None), (8, None), (9, Some("and 1 more")), (12, Some("and 4 more"))] {
        let error = with(count);
        assert_eq!(error.pointers().len(), count);
        let said = error.to_string();
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), count.min(8) + usize::from(more.is_some()), "{said}");
        assert!(
            lines.iter().take(8).all(|line| line.starts_with("/surprise") && line.contains("has no member")),
            "{said}"
        );
        assert_eq!(lines.last().filter(|line| line.starts_with("and ")).copied(), more);
    }
    // A name with line ends makes no line of its own, and its place is a pointer all the same.
    let mut body = chat();
    body["a\r\n/b"] = json!(1);
    let said = refused(&body).to_string();
    assert!(said.starts_with("/a\\r\\n~1b: ") && said.lines().count() == 1, "{said}");
    assert_eq!(
        refused(&json!({"model": "m", "messages": []})).to_string(),
        "the document: the body asks nothing: it has no message and no prompt"
    );
    assert_eq!(refused(&json!({"messages": chat()["messages"]})).pointers(), ["/model"]);
}

/// A misspelt member is answered with those that there are.
// shows: RI-20
#[test]
fn an_unknown_member_is_answered_with_the_known_ones() {
    let mut body = chat();
    body["messages"][0]["contents"] = json!("hi");
    let error = refused(&body);
    assert_eq!(error.pointers(), ["/messages/0/contents"]);
    let said = error.to_string();
    assert!(said.contains("chat message has no member \"contents\"; it has annotations, audio, content, "), "{said}");
    let mut body = chat();
    body["surprise"] = json!(1);
    let said = refused(&body).to_string();
    let listed = said.split_once("; it has ").unwrap().1;
    let (names, more) = listed.split_once(" and ").unwrap();
    assert_eq!(names.split(", ").count(), 12, "{said}");
    assert!(more.ends_with(" more") && !more.starts_with("0 "), "{said}");
}

#[test]
fn what_is_stated_beside_a_body_is_a_short_text() {
    let body = chat().to_string();
    let with = |text: String| {
        let all: [ImportOptions; 4] = [
            ImportOptions { model: Some(text.clone()), ..as_chat() },
            ImportOptions { provider: Some(text.clone()), ..as_chat() },
            ImportOptions { revision: Some(text.clone()), ..as_chat() },
            ImportOptions { instance: Some(text), ..as_chat() },
        ];
        all.map(|options| import(body.as_bytes(), &options).err())
    };
    for text in [String::new(), "x".repeat(1_025)] {
        for (error, flag) in with(text).into_iter().zip(["--model", "--provider", "--revision", "--instance"]) {
            let error = error.unwrap();
            assert_eq!(error.to_string(), format!("{flag} is a text of 1 to 1024 bytes"));
            assert_eq!(error.pointers(), [""]);
        }
    }
    // The longest is taken; another model than that of the body is not.
    let [model, provider, revision, instance] = with("x".repeat(1_024));
    assert_eq!((provider, revision, instance), (None, None, None));
    assert_eq!(model.unwrap().pointers(), ["/model"]);
}

#[test]
fn a_body_of_no_format_is_told_what_it_has_and_what_there_is() {
    let said = import(br#"{"colour":"red","size":3}"#, &ImportOptions::default()).unwrap_err();
    assert_eq!(said.pointers(), [""]);
    let names: Vec<&str> = formats::ALL.iter().map(|format| format.name).collect();
    let expected = format!(
        "the document: no known format of requests has these members (colour, size); formats are {}",
        names.join(", ")
    );
    assert_eq!(said.to_string(), expected);
    let object = import(br#"{"lc":1,"type":"constructor"}"#, &ImportOptions::default()).unwrap_err();
    assert_eq!(object.pointers(), ["/lc"]);
    let two = ImportError::Ambiguous(vec!["a", "b"]);
    assert_eq!(two.to_string(), "the document: a and b read this body differently: say which is meant with --format");
    assert_eq!(two.pointers(), [""]);
}

/// The same request typed on another system is another text, and nobody sees it.
// shows: RI-28
#[test]
fn line_ends_of_another_system_are_warned_of_at_their_place() {
    let warned = |text: &str| {
        let mut body = chat();
        body["messages"][0]["content"] = json!(text);
        let imported = import(body.to_string().as_bytes(), &as_chat()).unwrap();
        assert_eq!(imported.format, CHAT);
        let found = imported.warnings.into_iter().find(|warning| warning.rule == "CRLF_IN_TEXT");
        found.map(|warning| warning.pointer)
    };
    assert_eq!(warned("a\nb"), None);
    assert_eq!(warned("a\rb"), None);
    let pointer = warned("a\r\nb").unwrap();
    assert!(pointer.starts_with("/prompt/messages/0/parts/0/"), "{pointer}");
}

/// Every member of a body is accounted for, once and in order, also where the body is refused.
// shows: RI-20, RI-34
#[test]
fn an_explanation_says_of_every_member_what_becomes_of_it() {
    let mut body = chat();
    body["api_key"] = json!("NOT-A-REAL-KEY");
    body["user"] = json!("u-1");
    body["seed"] = Value::Null;
    body["surprise"] = json!(1);
    let explained = explain(body.to_string().as_bytes(), &as_chat()).unwrap();
    assert_eq!(explained.format, CHAT);
    let fates: Vec<(&str, &str)> =
        explained.decided.iter().map(|one| (one.pointer.as_str(), one.fate.as_str())).collect();
    let expected = [
        ("/api_key", "left out: secret"),
        ("/messages", "normalised"),
        ("/messages/0/content", "normalised"),
        ("/messages/0/role", "normalised"),
        ("/model", "normalised"),
        ("/seed", "null: the same as absent"),
        ("/surprise", "refused"),
        ("/user", "left out: transport"),
    ];
    assert_eq!(fates, expected);
    assert_eq!(explained.decided[4].detail, "/model/name");
    assert_eq!(explained.refused.iter().map(|one| one.pointer.as_str()).collect::<Vec<_>>(), ["/surprise"]);
    let rules: Vec<&str> = explained.warnings.iter().map(|warning| warning.rule).collect();
    assert_eq!(rules, ["SECRET_LEFT_OUT", "PROVIDER_UNSTATED"]);
    assert!(explain(b"{", &as_chat()).is_err());
}

#[test]
fn two_ways_of_saying_one_thing_are_refused_at_both_places() {
    let mut body = chat();
    body["max_tokens"] = json!(5);
    assert!(import(body.to_string().as_bytes(), &as_chat()).is_ok());
    body["max_completion_tokens"] = json!(5);
    let error = refused(&body);
    let mut places = error.pointers();
    places.sort_unstable();
    assert_eq!(places, ["/max_completion_tokens", "/max_tokens"], "{error}");
    let said = error.to_string();
    assert!(said.contains("this and /max_tokens say the same: state one of them"), "{said}");
    assert!(said.contains("this and /max_completion_tokens say the same: state one of them"), "{said}");
}

/// A body that is wrong everywhere is not read to its end.
#[test]
fn no_more_than_sixty_four_refusals_are_collected() {
    let mut body = chat();
    (0..80).for_each(|n| body[format!("surprise{n}")] = json!(1));
    assert_eq!(refused(&body).pointers().len(), 64);
}

/// What stands around a request of a batch says what it is, or is refused with what was expected.
// shows: RI-20
#[test]
fn a_request_of_a_batch_is_a_post_to_a_known_path() {
    let batch = |method: Value, url: Value| {
        let body = json!({"custom_id": "1", "method": method, "url": url, "body": chat()});
        import(body.to_string().as_bytes(), &ImportOptions::default()).map_err(|error| error.to_string())
    };
    assert_eq!(batch(json!("POST"), json!("/v1/chat/completions")).unwrap().format, CHAT);
    for method in [json!("GET"), json!("post"), json!(1), Value::Null] {
        let said = batch(method.clone(), json!("/v1/chat/completions")).unwrap_err();
        assert!(said.contains("/method: a request of a batch is a \"POST\""), "{method}: {said}");
    }
    let said = batch(json!("POST"), json!(1)).unwrap_err();
    assert!(said.contains("/url: a text is expected here"), "{said}");
}

/// OTLP writes a 64-bit integer as a text; exporters that write a number mean the same.
// shows: RI-20
#[test]
fn a_number_of_a_span_is_the_same_in_both_spellings() {
    let span = |tokens: Value| {
        let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
        let messages = json!([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]).to_string();
        let body = json!({"attributes": [
            text("gen_ai.provider.name", "openai"),
            text("gen_ai.request.model", "m"),
            text("gen_ai.input.messages", &messages),
            {"key": "gen_ai.request.max_tokens", "value": tokens},
        ]});
        import(body.to_string().as_bytes(), &ImportOptions::default()).map(|imported| imported.declaration.run_id())
    };
    let digits = span(json!({"intValue": "64"})).unwrap();
    assert_eq!(span(json!({"intValue": 64})).unwrap(), digits);
    assert_ne!(span(json!({"intValue": 65})).unwrap(), digits);
    for other in [json!({"intValue": true}), json!({"intValue": "6.4"}), json!({"stringValue": 64}), json!({})] {
        let said = span(other.clone()).unwrap_err().to_string();
        assert!(said.contains("/attributes/3/value: a value of OTLP has one member"), "{other}: {said}");
    }
}

// shows: RI-20
#[test]
fn a_preset_a_number_that_readers_round_and_a_prompt_of_other_things_are_refused_by_name() {
    let mut body = chat();
    body["model"] = json!("m@preset/pirate");
    let said = refused(&body).to_string();
    assert!(said.starts_with("/model: ") && said.contains("preset"), "{said}");
    let mut body = chat();
    body["temperature"] = json!(9_007_199_254_740_993_u64);
    let said = refused(&body).to_string();
    assert!(said.starts_with("/temperature: a number that every reader keeps is expected here"), "{said}");
    let completions = ImportOptions { format: format("openai-completions"), ..ImportOptions::default() };
    for prompt in [json!([[1, null]]), json!([1, {"a": 1}])] {
        let body = json!({"model": "m", "prompt": prompt});
        let said = import(body.to_string().as_bytes(), &completions).unwrap_err().to_string();
        assert!(said.contains("a prompt is a text or a list of tokens"), "{said}");
    }
}
