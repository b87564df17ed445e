//! Passes of the couriers over a group and a post that do what the test says.

use super::pass;
use crate::base::Revision;
use crate::capabilities::alerts::model::Channel;
use crate::capabilities::alerts::port::fake::FakePost;
use crate::capabilities::managers::port::fake::FakeGroup;
use crate::leadership::Pass;

/// A group with two channels, of which one takes only what is grave.
struct Stage {
    group: FakeGroup,
    post: FakePost,
}

impl Stage {
    fn new() -> Self {
        let group = FakeGroup::founded();
        group.say("alerts add-channel all least=info webhook https://all.example");
        group.say("alerts add-channel grave least=error webhook https://grave.example");
        Self { group, post: FakePost::default() }
    }

    async fn pass(&self) -> Pass {
        pass(&self.group, &self.post).await
    }

    fn says(&self, line: &str) -> u64 {
        self.group.say(line);
        self.group.inside().state.kernel.revision.0
    }

    fn brought(&self) -> Vec<(String, u64, &'static str)> {
        std::mem::take(&mut self.post.inside().brought)
    }

    fn channel(&self, name: &str) -> (Revision, Channel) {
        let inside = self.group.inside();
        let channels = &inside.state.alerts.channels;
        let found = channels.iter().find(|(_, channel)| channel.setting.name == name).unwrap();
        (*found.0, found.1.clone())
    }
}

#[tokio::test]
async fn what_matters_enough_is_told_once_in_order_and_noted() {
    let stage = Stage::new();
    let raised = stage.says("alerts raise h HOST_SILENT");
    let resolved = stage.says("alerts resolve h");
    let grave = stage.says("alerts raise d DISK_FULL severity=error");
    assert!(matches!(stage.pass().await, Pass::Did(_)));
    let mut brought = stage.brought();
    brought.sort();
    let told = |channel: &str, letter, word| (channel.to_owned(), letter, word);
    assert_eq!(
        brought,
        [
            told("all", raised, "raised"),
            told("all", resolved, "resolved"),
            told("all", grave, "raised"),
            told("grave", grave, "raised"),
        ]
    );
    assert_eq!(stage.pass().await, Pass::Nothing);
    assert_eq!(stage.brought(), []);
    assert_eq!(stage.channel("all").1.told, 3);
}

#[tokio::test]
async fn a_post_that_does_not_take_it_is_tried_again_after_a_pause_that_grows_and_nothing_is_lost()
{
    let stage = Stage::new();
    let raised = stage.says("alerts raise h HOST_SILENT");
    stage.post.inside().closed = Some("nobody there".into());
    for (failed, pause) in [(1, 5_000), (2, 10_000), (3, 20_000)] {
        stage.pass().await;
        let (_, channel) = stage.channel("all");
        assert_eq!(channel.failed, failed);
        assert_eq!(channel.last.unwrap().outcome, Err("nobody there".into()));
        stage.group.wait(pause - 1);
        assert_eq!(stage.pass().await, Pass::Nothing);
        stage.group.wait(1);
    }
    stage.post.inside().closed = None;
    stage.pass().await;
    assert_eq!(stage.brought(), [("all".to_owned(), raised, "raised")]);
    assert_eq!(stage.channel("all").1.failed, 0);
}

/// At least once, under the same name: never not at all.
#[tokio::test]
async fn an_active_that_dies_between_telling_and_noting_is_followed_by_one_that_tells_again() {
    let stage = Stage::new();
    let raised = stage.says("alerts raise h HOST_SILENT");
    stage.group.inside().acts_left = Some(0);
    assert!(matches!(stage.pass().await, Pass::Failed(_)));
    assert_eq!(stage.brought(), [("all".to_owned(), raised, "raised")]);

    stage.group.inside().acts_left = None;
    stage.group.inside().over = false;
    stage.group.fail_over();
    stage.pass().await;
    assert_eq!(stage.brought(), [("all".to_owned(), raised, "raised")]);
    stage.pass().await;
    assert_eq!(stage.brought(), []);
}

#[tokio::test]
async fn a_channel_is_tried_out_before_what_waits_and_what_waits_follows_at_once() {
    let stage = Stage::new();
    let (id, _) = stage.channel("all");
    let raised = stage.says("alerts raise h HOST_SILENT");
    stage.post.inside().closed = Some("nobody there".into());
    stage.pass().await;
    let asked = stage.says(&format!("alerts try-out {id}"));
    stage.pass().await;
    let wish = stage.channel("all").1.wish.unwrap();
    assert_eq!(wish.tried.unwrap().outcome, Err("nobody there".into()));

    stage.post.inside().closed = None;
    let again = stage.says(&format!("alerts try-out {id}"));
    assert_ne!(asked, again);
    stage.pass().await;
    let told = |letter, word| ("all".to_owned(), letter, word);
    assert_eq!(stage.brought(), [told(again, "test"), told(raised, "raised")]);
}

/// A thousand letters do not keep a pass, and its tenure, for ever.
#[tokio::test]
async fn a_pass_tells_so_many_letters_and_leaves_the_rest_to_the_next() {
    let stage = Stage::new();
    for number in 0..25 {
        stage.says(&format!("alerts raise k{number} HOST_SILENT"));
    }
    stage.pass().await;
    assert_eq!(stage.brought().len(), 20);
    stage.pass().await;
    assert_eq!(stage.brought().len(), 5);
}
