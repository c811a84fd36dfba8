//! The layer between `tracing` and the logger: filters, keeps the fields of spans, hands on events.

use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::fields::Fields;
use crate::line::{Line, SpanLine};
use crate::logger::Logger;

/// The layer between `tracing` and the logger.
#[derive(Debug)]
pub(crate) struct LogLayer {
    logger: Arc<Logger>,
}

impl LogLayer {
    pub(crate) fn new(logger: Arc<Logger>) -> Self {
        Self { logger }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.logger.rules().interest(*metadata.level(), metadata.target())
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.logger.rules().lets_through(*metadata.level(), metadata.target())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.logger.rules().max_level())
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().replace(Arc::new(fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut recorded = Fields::default();
            values.record(&mut recorded);
            if let Some(fields) = span.extensions_mut().get_mut::<Arc<Fields>>() {
                Arc::make_mut(fields).merge(recorded);
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let scope = context.event_scope(event).into_iter().flatten();
        let spans = scope.map(|span| SpanLine::of(span.name(), span.extensions().get::<Arc<Fields>>())).collect();
        self.logger.write(Line::of(event, fields, spans));
    }
}
