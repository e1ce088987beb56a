// A word like --strict is a name of the command line; search would take its dashes for the wish that pages do not hold it.
(() => {
  const QUERY = 2; // kind of the messages in which Material for MkDocs hands a query to its worker
  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (message, ...rest) {
    if (message?.type === QUERY && typeof message.data === "string")
      message = { ...message, data: message.data.replace(/(^|\s)--+(?=\w)/g, "$1") };
    return post.call(this, message, ...rest);
  };
})();
