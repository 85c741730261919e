//! Logs: followed from any place, and never growing without end.

use crate::ground::{Ground, noon};
use restage_core::name::StepId;
use restage_store::{LineNumber, LogLine, MAX_LINE_BYTES, MAX_LINES_PER_RUN, Stream};

pub(crate) fn line(text: &str) -> LogLine {
    LogLine { at: noon(), step: Some(StepId(1)), stream: Stream::Out, text: text.into() }
}

#[tokio::test]
async fn a_log_is_followed_by_another_process() {
    let ground = Ground::new().await;
    let (run, reader) = (ground.with_run("aaaaaaaaaa").await, ground.other().await);
    let note = LogLine { step: None, stream: Stream::Note, ..line("begun") };
    let wrong = LogLine { stream: Stream::Err, ..line("wrong: ünïcode\ttab") };
    ground.store.append_log(&run, vec![note.clone(), line("one")]).await.unwrap();
    let page = reader.log(&run, LineNumber::default(), 1).await.unwrap();
    assert_eq!((page.lines, page.next, page.dropped), (vec![(LineNumber(0), note)], LineNumber(1), 0));
    ground.store.append_log(&run, vec![]).await.unwrap();
    ground.store.append_log(&run, vec![wrong.clone()]).await.unwrap();
    let page = reader.log(&run, page.next, 100).await.unwrap();
    assert_eq!(page.lines, [(LineNumber(1), line("one")), (LineNumber(2), wrong)]);
    let page = reader.log(&run, page.next, 100).await.unwrap();
    assert_eq!((page.lines, page.next, page.dropped), (vec![], LineNumber(3), 0));
}

#[tokio::test]
async fn a_long_line_is_cut_between_characters() {
    let ground = Ground::new().await;
    let run = ground.with_run("aaaaaaaaaa").await;
    let fits = "x".repeat(MAX_LINE_BYTES);
    let long = format!("y{}", "ü".repeat(MAX_LINE_BYTES));
    ground.store.append_log(&run, vec![line(&fits), line(&long)]).await.unwrap();
    let lines = ground.store.log(&run, LineNumber(0), 2).await.unwrap().lines;
    assert_eq!(lines[0].1.text, fits);
    let kept = MAX_LINE_BYTES - 1;
    assert_eq!(lines[1].1.text, format!("{}… ({} more bytes)", &long[..kept], long.len() - kept));
}

#[tokio::test]
async fn the_oldest_lines_go_when_there_are_too_many() {
    let ground = Ground::new().await;
    let run = ground.with_run("aaaaaaaaaa").await;
    let most = usize::try_from(MAX_LINES_PER_RUN).unwrap();
    ground.store.append_log(&run, vec![line("old"); most]).await.unwrap();
    let page = ground.store.log(&run, LineNumber(0), 1).await.unwrap();
    assert_eq!((page.lines[0].0, page.dropped), (LineNumber(0), 0));
    ground.store.append_log(&run, vec![line("new"); 5]).await.unwrap();
    let page = ground.store.log(&run, LineNumber(2), usize::MAX).await.unwrap();
    assert_eq!((page.lines[0].0, page.dropped, page.lines.len()), (LineNumber(5), 3, most));
    assert_eq!(page.next, LineNumber(MAX_LINES_PER_RUN + 5));
}
