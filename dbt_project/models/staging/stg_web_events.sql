{{ newest_web_events(source('raw', 'web_events')) }}
