//! The tool by which an agent says that a person wants no more texts: a client tool, one for the whole workspace.
//!
//! Only agents that answer texts get it: on a call nobody carries it out. It is found by its name, whoever created it. Before it is
//! created, it is looked for, and afterwards too: of two that servers created at the same time, the older one is used and the other
//! deleted. After an unknown outcome it is looked for again, and not created before the first request can no longer take effect.
//!
//! An agent is created and updated without the tool if there is none: calls matter more. The caller learns of it and tries again.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{Rejection, Voice, VoiceError};
use crate::provider::{Effect, Method};

/// Its name, which an event of a conversation tells.
pub(super) const OPT_OUT: &str = "opt_out";
/// What tells the agent when to use it.
const DESCRIPTION: &str = "Only in text messages: call it when the person wants no more text messages, in whatever words, also if \
                           they ask for something else as well. Do not call it during a telephone call.";
/// Nobody carries it out during a call: the shortest wait that a text conversation certainly meets.
const RESPONSE_SECONDS: u32 = 5;
/// A longer list counts as a loop of pages.
const MOST_PAGES: usize = 100;
/// How long a failure stands: other agents do without the tool for so long, and do not wait for the provider.
const FAILURE_STANDS: TimeDelta = TimeDelta::seconds(5);
/// How long a creation whose outcome is unknown may still take effect.
const SETTLING: TimeDelta = TimeDelta::seconds(30);

/// What is known of the tool. Locked while it is looked for, so that one request answers all who wait.
#[derive(Debug, Default)]
pub(super) struct OptOutTool {
    /// The ids of the tools with the name, the oldest first. Never empty.
    ids: Option<Arc<[String]>>,
    failed: Option<(DateTime<Utc>, VoiceError)>,
    /// A creation may still take effect until then.
    unsettled_until: Option<DateTime<Utc>>,
}

pub(super) type SharedOptOutTool = Arc<Mutex<OptOutTool>>;

#[derive(Deserialize)]
struct Page {
    tools: Vec<Listed>,
    next_cursor: Option<String>,
    #[serde(default)]
    has_more: bool,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
    #[serde(default)]
    tool_config: Value,
}

#[derive(Deserialize)]
struct Created {
    id: String,
}

impl Voice {
    /// The ids of the tools named `opt_out`, the oldest first: at least one, which is created if there is none.
    pub(super) async fn opt_out_tools(&self) -> Result<Arc<[String]>, VoiceError> {
        let mut tool = self.opt_out.lock().await;
        if let Some(ids) = &tool.ids {
            return Ok(Arc::clone(ids));
        }
        let now = self.clock.now();
        if let Some((until, failure)) = &tool.failed
            && now < *until
        {
            return Err(failure.clone());
        }
        let found = self.find_or_create(&mut tool).await;
        match &found {
            Ok(ids) => *tool = OptOutTool { ids: Some(Arc::clone(ids)), ..OptOutTool::default() },
            Err(failure) => tool.failed = Some((self.clock.now() + FAILURE_STANDS, failure.clone())),
        }
        found
    }

    /// Looks for the tool again when it is needed next: the known one may be gone.
    pub(super) async fn forget_opt_out_tools(&self) {
        self.opt_out.lock().await.ids = None;
    }

    /// Looks for the tools now, and remembers them.
    pub(super) async fn refresh_opt_out_tools(&self) -> Result<Vec<String>, VoiceError> {
        let there = self.listed_opt_out_tools().await?;
        self.opt_out.lock().await.ids = (!there.is_empty()).then(|| there.clone().into());
        Ok(there)
    }

    async fn find_or_create(&self, tool: &mut OptOutTool) -> Result<Arc<[String]>, VoiceError> {
        let there = self.listed_opt_out_tools().await.map_err(VoiceError::of_search)?;
        if !there.is_empty() {
            return Ok(there.into());
        }
        if tool.unsettled_until.is_some_and(|until| self.clock.now() < until) {
            return Err(VoiceError::OutcomeUnknown {
                reason: "whether the tool opt_out was created is not known yet".to_owned(),
            });
        }
        let request = self.request(Method::POST, &["tools"]).json(&definition());
        let answer = self.send(&self.tools, request, Effect::Writes).await;
        let created = match answer.and_then(|answer| answer.json::<Created, Rejection>()) {
            Ok(created) => created.id,
            Err(VoiceError::OutcomeUnknown { reason }) => {
                tool.unsettled_until = Some(self.clock.now() + SETTLING);
                let there = self.listed_opt_out_tools().await.unwrap_or_default();
                return if there.is_empty() {
                    Err(VoiceError::OutcomeUnknown { reason })
                } else {
                    Ok(there.into())
                };
            }
            Err(failure) => return Err(failure),
        };
        // Another server may have created one at the same time. If they cannot be listed, ours is as good.
        let there = self.listed_opt_out_tools().await.unwrap_or_default();
        match there.first() {
            Some(oldest) if *oldest != created => {
                self.delete_tool(&created).await;
                Ok(there.into_iter().filter(|id| *id != created).collect())
            }
            _ => Ok([created].into()),
        }
    }

    /// The ids of the client tools with this name, the oldest first.
    ///
    /// # Errors
    /// [`VoiceError`]; never a partial list.
    async fn listed_opt_out_tools(&self) -> Result<Vec<String>, VoiceError> {
        let (mut found, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..MOST_PAGES {
            let mut query = vec![
                ("search", OPT_OUT.to_owned()),
                ("types", "client".to_owned()),
                ("sort_by", "created_at".to_owned()),
                ("sort_direction", "asc".to_owned()),
                ("page_size", "100".to_owned()),
            ];
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            let request = self.request(Method::GET, &["tools"]).query(&query);
            let page: Page = self.send(&self.tools, request, Effect::Reads).await?.json::<_, Rejection>()?;
            // The search finds whatever begins with the name.
            let is_it = |listed: &Listed| {
                listed.tool_config["name"] == OPT_OUT && listed.tool_config["type"] == "client"
            };
            found.extend(page.tools.into_iter().filter(is_it).map(|listed| listed.id));
            cursor = page.next_cursor.filter(|cursor| page.has_more && !cursor.is_empty());
            match (&cursor, page.has_more) {
                (Some(_), _) => {}
                (None, false) => return Ok(found),
                // Taken for the end of the list, this would have the tool created twice.
                (None, true) => return Err(VoiceError::unavailable("its list of tools is incomplete")),
            }
        }
        Err(VoiceError::unavailable("its list of tools has too many pages"))
    }

    /// Deletes a tool of which there are two. If that fails, it does no harm.
    async fn delete_tool(&self, id: &str) {
        let request = self.request(Method::DELETE, &["tools", id]);
        if let Err(failure) = self.send(&self.tools, request, Effect::Writes).await {
            tracing::warn!(id, %failure, "second tool opt_out not deleted");
        }
    }
}

fn definition() -> Value {
    json!({ "tool_config": {
        "type": "client", "name": OPT_OUT, "description": DESCRIPTION,
        "response_timeout_secs": RESPONSE_SECONDS, "expects_response": true,
    } })
}
