"use strict"

class Bench {
  constructor(config) {
    this.config = config
  }

  async access(kong) {
    await kong.request.getHeader("user-agent")
    await kong.service.request.setHeader("x-a", "1")
    await kong.service.request.setHeader("x-b", "2")
  }
}

module.exports = { Plugin: Bench, Schema: [], Version: "1.0", Priority: 1 }
